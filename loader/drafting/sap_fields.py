"""Fields of SAP's tables VBAK, VBAP, EKKO, EKPO, EKET, LIKP, LIPS, MARA, MARC, MAKT, LFA1 and KNA1.

Source: SAP's data dictionary (transaction SE11; a public copy is https://www.sapdatasheet.org). Deliveries
have their own list, because their VBELN is the delivery, and their order is in VGBEL.
"""

from loader.drafting.known_fields import FieldMeanings, System, without_table

_TABLES = ("VBAK", "VBAP", "EKKO", "EKPO", "EKET", "LIKP", "LIPS", "MARA", "MARC", "MAKT", "LFA1", "KNA1")

_FIELDS: FieldMeanings = {
    "EBELN": ("purchasing document", ("order_id", "id")),
    "EBELP": ("item of a purchasing document", ("id", "external_line_number")),
    "VBELN": ("sales document", ("cust_order_id", "order_id")),
    "POSNR": ("item of a document", ("cust_order_line_id", "id", "external_line_number")),
    "MATNR": ("material", ("product_id", "id")),
    "MAKTX": ("material description", ("description",)),
    "MTART": ("material type", ("product_type",)),
    "MATKL": ("material group", ("product_group_id",)),
    "VRKME": ("sales unit", ("quantity_uom",)),
    "MEINS": ("base unit of measure", ("base_uom", "quantity_uom", "qty_uom")),
    "EAN11": ("EAN/UPC", ("gtin",)),
    "PRDHA": ("product hierarchy", ("sap_0material_attr__prdha",)),
    "BRGEW": ("gross weight", ("shipping_weight",)),
    "GEWEI": ("unit of weight", ("weight_uom",)),
    "VOLUM": ("volume", ("unit_volume",)),
    "VOLEH": ("unit of volume", ("volume_uom",)),
    "LIFNR": ("vendor", ("tpartner_id", "vendor_tpartner_id", "id")),
    "KUNNR": ("customer", ("customer_tpartner_id", "tpartner_id", "id")),
    "BUKRS": ("company code", ("company_id",)),
    "WERKS": ("plant", ("to_site_id", "ship_from_site_id", "site_id", "from_site_id")),
    "MENGE": ("ordered quantity", ("quantity_submitted",)),
    "KWMENG": ("cumulative order quantity", ("init_quantity_requested",)),
    "WEMNG": ("received quantity", ("quantity_received",)),
    "LABST": ("unrestricted stock", ("on_hand_inventory",)),
    "CHARG": ("batch", ("lot_number",)),
    "NETPR": ("net price", ("cost", "sold_price")),
    "WAERS": ("currency", ("order_currency_uom", "cost_uom", "currency_uom")),
    "WAERK": ("document currency", ("currency_uom",)),
    "BSART": ("purchasing document type", ("order_type",)),
    "BEDAT": ("date of the purchasing document", ("order_creation_date", "submitted_date")),
    "AUDAT": ("document date", ("order_date",)),
    "VDATU": ("requested delivery date", ("requested_delivery_date",)),
    "EINDT": ("delivery date", ("expected_delivery_date", "delivery_date")),
    "ERSDA": ("created on", ("creation_date",)),
    "ERDAT": ("created on", ("line_creation_date", "creation_date")),
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

_DELIVERY_FIELDS: FieldMeanings = {
    "VBELN": ("delivery", ("id",)),
    "POSNR": ("item of a delivery", ("external_line_number",)),
    "VGBEL": ("sales document of the delivery item", ("cust_order_id", "order_id")),
    "VGPOS": ("item of the sales document", ("cust_order_line_id", "order_line_id")),
    "MATNR": ("material", ("product_id",)),
    "LFIMG": ("delivered quantity", ("shipped_qty", "units_shipped", "quantity_delivered")),
    "VRKME": ("sales unit", ("quantity_uom", "uom")),
    "WERKS": ("plant", ("from_site_id", "ship_from_site_id")),
    "KUNNR": ("ship-to party", ("to_site_id", "ship_to_site_id")),
    "KUNAG": ("sold-to party", ("tpartner_id", "order_customer_tpartner_id")),
    "WADAT": ("planned date of goods issue", ("expected_ship_date", "planned_ship_date")),
    "WADAT_IST": ("actual date of goods issue", ("actual_ship_date",)),
    "LFDAT": ("delivery date", ("expected_delivery_date", "planned_delivery_date")),
    "BTGEW": ("total weight", ("bill_weight", "weight")),
}

SAP = System(
    name="SAP",
    fields=_FIELDS,
    distinctive=frozenset(_FIELDS),
    plain=without_table(_TABLES),
    parts=frozenset({"EBELP", "POSNR"}),
    wholes=frozenset({"EBELN", "MATNR", "LIFNR", "KUNNR"}),
)

SAP_DELIVERY = System(
    name="SAP delivery",
    fields=_DELIVERY_FIELDS,
    distinctive=frozenset({"LFIMG", "WADAT_IST", "LFDAT"}),
    plain=without_table(_TABLES),
)
