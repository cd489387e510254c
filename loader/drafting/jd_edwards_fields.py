"""Columns of JD Edwards EnterpriseOne: F4211, F4201, F4311, F4301, F4101, F4102, F41021, F0101 and F0116.

The name of a column is the prefix of its table and a data item: SDDOCO is DOCO of F4211. Sources: the table
and column lists of https://jde.erpref.com; for the date format CYYDDD, Oracle's JD Edwards World guide
(E21952).

The database stores numbers without their decimal point; the data dictionary has the number of decimal places.
An extract may or may not contain the point, and names do not show it. So the reason of such a column asks the
user to check it.
"""

from loader.drafting.known_fields import FieldMeanings, System, without_table
from loader.strptime.day_of_year import CYYDDD

_TABLES = ("F4211", "F42119", "F4201", "F4311", "F4301", "F4101", "F4102", "F41021", "F0101", "F0116")

_CHECK = "check its decimal point: the table stores none"

_FIELDS: FieldMeanings = {
    # F4211 and F4201, sales orders
    "SDDOCO": ("order number", ("cust_order_id",)),
    "SDLNID": (f"line number, {_CHECK}", ("cust_order_line_id", "id")),
    "SDLITM": ("2nd item number", ("product_id",)),
    "SDAN8": ("sold-to address", ("customer_tpartner_id",)),
    "SDSHAN": ("ship-to address", ("ship_to_site_id", "to_site_id")),
    "SDMCU": ("branch/plant", ("ship_from_site_id", "from_site_id")),
    "SDKCOO": ("order company", ("company_id",)),
    "SDUORG": (f"ordered quantity, {_CHECK}", ("init_quantity_requested",)),
    "SDSOQS": (f"shipped quantity, {_CHECK}", ("quantity_delivered", "shipped_qty")),
    "SDUOM": ("unit of the ordered quantity", ("quantity_uom",)),
    "SDUPRC": (f"unit price, {_CHECK}", ("sold_price",)),
    "SDLPRC": (f"list price, {_CHECK}", ("list_price",)),
    "SDCRCD": ("currency", ("currency_uom",)),
    "SDTRDJ": ("order date", ("order_date",)),
    "SDDRQJ": ("requested date", ("requested_delivery_date",)),
    "SDPDDJ": ("scheduled pick date", ("expected_ship_date",)),
    "SDRSDJ": ("promised delivery date", ("promised_delivery_date", "expected_delivery_date")),
    "SDADDJ": ("actual ship date", ("actual_ship_date",)),
    "SDNXTR": ("next status", ("status",)),
    "SHDOCO": ("order number", ("cust_order_id",)),
    "SHAN8": ("sold-to address", ("customer_tpartner_id",)),
    # F4311 and F4301, purchase orders
    "PDDOCO": ("order number", ("order_id",)),
    "PDLNID": (f"line number, {_CHECK}", ("id", "order_line_id")),
    "PDLITM": ("2nd item number", ("product_id",)),
    "PDAN8": ("supplier address", ("tpartner_id",)),
    "PDMCU": ("branch/plant", ("to_site_id",)),
    "PDKCOO": ("order company", ("company_id",)),
    "PDUORG": (f"ordered quantity, {_CHECK}", ("quantity_submitted",)),
    "PDUREC": (f"received quantity, {_CHECK}", ("quantity_received",)),
    "PDUOM": ("unit of the ordered quantity", ("quantity_uom",)),
    "PDPRRC": (f"unit cost, {_CHECK}", ("cost",)),
    "PDCRCD": ("currency", ("cost_uom",)),
    "PDTRDJ": ("order date", ("submitted_date",)),
    "PDPDDJ": ("promised delivery date", ("expected_delivery_date",)),
    "PDDCTO": ("order type", ("order_type",)),
    "PDNXTR": ("next status", ("status",)),
    "PHDOCO": ("order number", ("id",)),
    "PHAN8": ("supplier address", ("tpartner_id",)),
    "PHMCU": ("branch/plant", ("to_site_id",)),
    "PHDCTO": ("order type", ("order_type",)),
    "PHTRDJ": ("order date", ("submitted_date",)),
    "PHCRCD": ("currency", ("order_currency_uom",)),
    # F4101, F4102 and F41021, items and their stock
    "IMLITM": ("2nd item number", ("id",)),
    "IMDSC1": ("description", ("description",)),
    "IMSTKT": ("stocking type", ("product_type",)),
    "IMUOM1": ("primary unit of measure", ("base_uom",)),
    "IMSRP1": ("sales category 1", ("product_group_id",)),
    "IMUPCN": ("UPC", ("gtin",)),
    "IBLITM": ("2nd item number", ("product_id", "id")),
    "IBMCU": ("branch/plant", ("site_id",)),
    "IBSAFE": (f"safety stock, {_CHECK}", ("min_safety_stock",)),
    "LIITM": ("short item number", ("product_id",)),
    "LIMCU": ("branch/plant", ("site_id",)),
    "LIPQOH": (f"quantity on hand, {_CHECK}", ("on_hand_inventory",)),
    "LILOTN": ("lot", ("lot_number",)),
    # F0101 and F0116, the address book
    "ABAN8": ("address number", ("id",)),
    "ABALPH": ("name", ("description",)),
    "ABAT1": ("search type", ("tpartner_type",)),
    "ALADD1": ("address line 1", ("address_1",)),
    "ALADD2": ("address line 2", ("address_2",)),
    "ALCTY1": ("city", ("city",)),
    "ALADDS": ("state", ("state_prov",)),
    "ALADDZ": ("postal code", ("postal_code",)),
    "ALCTR": ("country", ("country",)),
}

JD_EDWARDS = System(
    name="JD Edwards",
    fields=_FIELDS,
    distinctive=frozenset(_FIELDS),
    plain=without_table(_TABLES),
    date_format=CYYDDD,
    no_date="0+",
    parts=frozenset({"SDLNID", "PDLNID"}),
    wholes=frozenset({"ABAN8", "IMLITM", "IBLITM", "PHDOCO"}),
)
