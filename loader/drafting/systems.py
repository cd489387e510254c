"""The business systems whose field names are known."""

from loader.drafting.dynamics_fields import DYNAMICS
from loader.drafting.jd_edwards_fields import JD_EDWARDS
from loader.drafting.known_fields import System
from loader.drafting.netsuite_fields import NETSUITE
from loader.drafting.oracle_ebs_fields import ORACLE_EBS
from loader.drafting.sap_fields import SAP, SAP_DELIVERY

SYSTEMS: tuple[System, ...] = (SAP, SAP_DELIVERY, JD_EDWARDS, ORACLE_EBS, DYNAMICS, NETSUITE)
