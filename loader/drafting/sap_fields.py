"""Fields of SAP's tables VBAK, VBAP, EKKO, EKPO, LIPS, MARA, MARC, LFA1 and KNA1, and what they feed.

Their names mean nothing to who compares words. What each field holds is in SAP's own data dictionary.
"""

import re
from collections.abc import Mapping, Sequence

TABLE = re.compile(r"^(?:VBAK|VBAP|EKKO|EKPO|EKET|LIKP|LIPS|MARA|MARC|MAKT|LFA1|KNA1)[-_~./]+", re.IGNORECASE)
"""The table in front of a field, as in ``EKPO-MATNR``."""

_FIELDS: Mapping[str, tuple[str, Sequence[str]]] = {
    "EBELN": ("purchasing document", ("order_id", "id")),
    "EBELP": ("item of a purchasing document", ("id", "external_line_number")),
    "VBELN": ("sales document", ("cust_order_id", "order_id")),
    "POSNR": ("item of a document", ("cust_order_line_id", "id", "external_line_number")),
    "MATNR": ("material", ("product_id", "id")),
    "MAKTX": ("material description", ("description",)),
    "MTART": ("material type", ("product_type",)),
    "MATKL": ("material group", ("product_group_id",)),
    "MEINS": ("base unit of measure", ("base_uom", "quantity_uom", "qty_uom")),
    "VRKME": ("sales unit", ("quantity_uom",)),
    "EAN11": ("EAN/UPC", ("gtin",)),
    "GEWEI": ("unit of weight", ("weight_uom",)),
    "VOLUM": ("volume", ("unit_volume",)),
    "VOLEH": ("unit of volume", ("volume_uom",)),
    "LIFNR": ("vendor", ("tpartner_id", "vendor_tpartner_id", "id")),
    "KUNNR": ("customer", ("customer_tpartner_id", "tpartner_id", "id")),
    "BUKRS": ("company code", ("company_id",)),
    "WERKS": ("plant", ("to_site_id", "ship_from_site_id", "site_id", "from_site_id")),
    "MENGE": ("ordered quantity", ("quantity_submitted",)),
    "KWMENG": ("cumulative order quantity", ("init_quantity_requested",)),
    "LFIMG": ("delivered quantity", ("shipped_qty", "quantity_delivered")),
    "NETPR": ("net price", ("cost", "sold_price")),
    "WAERS": ("currency", ("order_currency_uom", "cost_uom", "currency_uom")),
    "WAERK": ("document currency", ("currency_uom",)),
    "BSART": ("purchasing document type", ("order_type",)),
    "BEDAT": ("date of the purchasing document", ("order_creation_date", "submitted_date")),
    "AUDAT": ("document date", ("order_date",)),
    "VDATU": ("requested delivery date", ("requested_delivery_date",)),
    "EINDT": ("delivery date", ("expected_delivery_date", "delivery_date")),
    "ERSDA": ("created on", ("creation_date",)),
    "INCO1": ("incoterms, part 1", ("incoterm", "incoterm1")),
    "INCO2": ("incoterms, part 2", ("incoterm2",)),
    "ZTERM": ("terms of payment", ("payment_terms_code",)),
    "EISBE": ("safety stock", ("min_safety_stock",)),
    "NAME1": ("name", ("description",)),
    "STRAS": ("street", ("address_1",)),
    "ORT01": ("city", ("city",)),
    "REGIO": ("region", ("state_prov",)),
    "PSTLZ": ("postal code", ("postal_code",)),
    "LAND1": ("country", ("country",)),
    "TELF1": ("telephone", ("phone_number",)),
}
"""What a field holds, and the dataset columns that it may feed, the likeliest first."""

ITEMS = frozenset({"EBELP", "POSNR"})
"""Fields that identify an item within one document: the id of a row only if a column has the document."""

DOCUMENTS = frozenset({"order_id", "cust_order_id"})

FEWEST = 2
"""Minimum number of SAP field names in a file: a single one may be a coincidence."""


def sap_matches(sources: Sequence[str], columns: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return for dataset columns the source column that is an SAP field, and what the field holds.

    Of several sources for a column, the first is taken; a field whose likeliest column is taken feeds none.

    Args:
        sources: Names of the source columns.
        columns: Names of the dataset columns.
    """
    fields = {source: TABLE.sub("", source).upper() for source in sources}
    known = {source: field for source, field in fields.items() if field in _FIELDS}
    found: dict[str, tuple[str, str]] = {}
    if len(known) < FEWEST:
        return found
    for source, field in known.items():
        meaning, candidates = _FIELDS[field]
        may_be_id = field not in ITEMS or not DOCUMENTS.isdisjoint(columns)
        column = next((each for each in candidates if each in columns and (each != "id" or may_be_id)), None)
        if column is not None and column not in found:
            found[column] = (source, f"SAP {field}, {meaning}")
    return found
