"""Fields of NetSuite's records and saved searches: transactions, items, vendors and customers.

The names are the ids of fields in Oracle's SuiteScript Records Browser and SuiteScript Records Guide (tranid,
entity, trandate, item, quantity, rate), and the labels that a saved search writes in the header of its CSV
file ("Document Number", "Internal ID").
"""

import re

from loader.drafting.known_fields import FieldMeanings, System

_FIELDS: FieldMeanings = {
    "LINEUNIQUEKEY": ("unique key of the line", ("id", "order_line_id", "cust_order_line_id")),
    "TRANID": ("document number", ("order_id", "cust_order_id", "id")),
    "DOCUMENTNUMBER": ("document number", ("order_id", "cust_order_id", "id")),
    "LINEID": ("id of the line", ("id", "external_line_number")),
    "LINE": ("number of the line", ("id", "external_line_number")),
    "ITEMID": ("item name or number", ("id", "product_id")),
    "ITEM": ("item", ("product_id",)),
    "DISPLAYNAME": ("display name", ("description",)),
    "ITEMTYPE": ("item type", ("product_type",)),
    "STOCKUNIT": ("unit of the stock", ("base_uom",)),
    "UPCCODE": ("UPC", ("gtin",)),
    "ENTITY": ("vendor or customer", ("tpartner_id", "customer_tpartner_id")),
    "ENTITYID": ("name or number of the vendor or customer", ("id",)),
    "COMPANYNAME": ("name", ("description",)),
    "NAME": ("vendor or customer of the transaction", ("tpartner_id", "customer_tpartner_id")),
    "SUBSIDIARY": ("subsidiary", ("company_id",)),
    "LOCATION": ("location", ("to_site_id", "ship_from_site_id", "site_id")),
    "QUANTITY": ("quantity of the line", ("quantity_submitted", "init_quantity_requested")),
    "QUANTITYRECEIVED": ("received quantity", ("quantity_received",)),
    "QUANTITYFULFILLED": ("fulfilled quantity", ("quantity_delivered",)),
    "LOCATIONQUANTITYONHAND": ("quantity on hand", ("on_hand_inventory",)),
    "UNITS": ("unit of the quantity", ("quantity_uom",)),
    "RATE": ("price of a unit", ("cost", "sold_price")),
    "CURRENCY": ("currency", ("cost_uom", "currency_uom", "order_currency_uom")),
    "TRANDATE": ("date of the transaction", ("submitted_date", "order_date")),
    "DATE": ("date of the transaction", ("submitted_date", "order_date")),
    "EXPECTEDRECEIPTDATE": ("expected receipt date", ("expected_delivery_date",)),
    "SHIPDATE": ("ship date", ("requested_delivery_date", "expected_ship_date")),
    "DATECREATED": ("created on", ("line_creation_date", "creation_date")),
    "LASTMODIFIEDDATE": ("last changed on", ("source_update_dttm",)),
    "STATUSREF": ("status", ("status", "order_status")),
    "INTERNALID": ("internal id of the record", ("id",)),
}

NETSUITE = System(
    name="NetSuite",
    fields=_FIELDS,
    distinctive=frozenset(
        {"TRANID", "INTERNALID", "DOCUMENTNUMBER", "LINEUNIQUEKEY", "TRANDATE", "STOCKUNIT"}
    ),
    plain=lambda name: re.sub(r"[ _]", "", name).upper(),
    parts=frozenset({"LINE", "LINEID"}),
    wholes=frozenset({"INTERNALID", "TRANID", "DOCUMENTNUMBER", "ITEMID", "ENTITYID"}),
)
