"""Columns of Oracle E-Business Suite: order management, purchasing, inventory and suppliers.

Tables: OE_ORDER_LINES_ALL, OE_ORDER_HEADERS_ALL, PO_LINES_ALL, PO_LINE_LOCATIONS_ALL, PO_HEADERS_ALL,
WSH_DELIVERY_DETAILS, MTL_SYSTEM_ITEMS_B, MTL_ONHAND_QUANTITIES_DETAIL, AP_SUPPLIERS. Source: Oracle's eTRM
(https://etrm.live is a public copy); for purchasing also "Tables and Views for Procurement", docs.oracle.com.
"""

from loader.drafting.known_fields import FieldMeanings, System, without_table

_TABLES = ("OOHA", "OOLA", "PHA", "PLA", "PLLA", "MSIB", "MSI", "WDD", "OEH", "OEL", "POH", "POL", "POLL")
"""Aliases of tables that reports write before the name of a column."""

_FIELDS: FieldMeanings = {
    "PO_HEADER_ID": ("purchase order", ("order_id", "id")),
    "PO_LINE_ID": ("purchase order line", ("id", "order_line_id")),
    "LINE_LOCATION_ID": ("shipment of a purchase order line", ("id",)),
    "HEADER_ID": ("sales order", ("cust_order_id",)),
    "LINE_ID": ("sales order line", ("id", "cust_order_line_id")),
    "SOURCE_HEADER_ID": ("sales order", ("cust_order_id",)),
    "SOURCE_LINE_ID": ("sales order line", ("cust_order_line_id",)),
    "DELIVERY_DETAIL_ID": ("delivery detail", ("id",)),
    "LINE_NUM": ("number of the line", ("external_line_number",)),
    "INVENTORY_ITEM_ID": ("item", ("product_id", "id")),
    "ITEM_ID": ("item", ("product_id",)),
    "SEGMENT1": ("document or item number", ("id",)),
    "ORGANIZATION_ID": ("inventory organization", ("site_id", "from_site_id")),
    "ORG_ID": ("operating unit", ("company_id",)),
    "VENDOR_ID": ("supplier", ("tpartner_id", "vendor_tpartner_id", "id")),
    "VENDOR_NAME": ("name of the supplier", ("description",)),
    "SOLD_TO_ORG_ID": ("customer", ("customer_tpartner_id", "tpartner_id")),
    "SHIP_TO_ORG_ID": ("ship-to site", ("ship_to_site_id", "to_site_id")),
    "SHIP_FROM_ORG_ID": ("warehouse", ("ship_from_site_id", "from_site_id")),
    "SHIP_TO_LOCATION_ID": ("ship-to location", ("to_site_id",)),
    "SHIP_TO_ORGANIZATION_ID": ("receiving organization", ("to_site_id",)),
    "ORDERED_QUANTITY": ("ordered quantity", ("init_quantity_requested",)),
    "SHIPPED_QUANTITY": ("shipped quantity", ("quantity_delivered", "shipped_qty")),
    "QUANTITY": ("ordered quantity", ("quantity_submitted",)),
    "QUANTITY_RECEIVED": ("received quantity", ("quantity_received",)),
    "PRIMARY_TRANSACTION_QUANTITY": ("quantity on hand", ("on_hand_inventory",)),
    "LOT_NUMBER": ("lot", ("lot_number",)),
    "ORDER_QUANTITY_UOM": ("unit of the ordered quantity", ("quantity_uom",)),
    "UNIT_MEAS_LOOKUP_CODE": ("unit of the ordered quantity", ("quantity_uom",)),
    "PRIMARY_UOM_CODE": ("primary unit of measure", ("base_uom",)),
    "UNIT_PRICE": ("price of a unit", ("cost",)),
    "UNIT_SELLING_PRICE": ("selling price of a unit", ("sold_price",)),
    "UNIT_LIST_PRICE": ("list price of a unit", ("list_price",)),
    "LIST_PRICE_PER_UNIT": ("list price", ("unit_price",)),
    "CURRENCY_CODE": ("currency", ("cost_uom", "order_currency_uom")),
    "TRANSACTIONAL_CURR_CODE": ("currency", ("currency_uom",)),
    "ORDERED_DATE": ("order date", ("order_date",)),
    "REQUEST_DATE": ("requested date", ("requested_delivery_date",)),
    "PROMISE_DATE": ("promised date", ("promised_delivery_date",)),
    "PROMISED_DATE": ("promised date", ("expected_delivery_date",)),
    "NEED_BY_DATE": ("need-by date", ("expected_delivery_date",)),
    "SCHEDULE_SHIP_DATE": ("scheduled ship date", ("expected_ship_date",)),
    "ACTUAL_SHIPMENT_DATE": ("actual ship date", ("actual_ship_date",)),
    "CREATION_DATE": ("created on", ("line_creation_date", "order_creation_date", "creation_date")),
    "LAST_UPDATE_DATE": ("last changed on", ("source_update_dttm",)),
    "FLOW_STATUS_CODE": ("status", ("status",)),
    "CLOSED_CODE": ("status", ("status", "order_status")),
    "ITEM_TYPE": ("item type", ("product_type",)),
    "UNIT_WEIGHT": ("weight of a unit", ("shipping_weight",)),
    "WEIGHT_UOM_CODE": ("unit of weight", ("weight_uom",)),
    "UNIT_VOLUME": ("volume of a unit", ("unit_volume",)),
    "VOLUME_UOM_CODE": ("unit of volume", ("volume_uom",)),
}

ORACLE_EBS = System(
    name="Oracle EBS",
    fields=_FIELDS,
    distinctive=frozenset(
        {
            "PO_HEADER_ID",
            "PO_LINE_ID",
            "INVENTORY_ITEM_ID",
            "SHIP_FROM_ORG_ID",
            "SOLD_TO_ORG_ID",
            "DELIVERY_DETAIL_ID",
            "UNIT_MEAS_LOOKUP_CODE",
            "PRIMARY_UOM_CODE",
            "FLOW_STATUS_CODE",
        }
    ),
    plain=without_table(_TABLES),
    wholes=frozenset({"SEGMENT1", "INVENTORY_ITEM_ID", "VENDOR_ID"}),
)
