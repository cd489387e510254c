"""Fields of the data entities of Dynamics 365 for finance and supply chain.

Entities: SalesOrderLineV2, SalesOrderHeaderV2, PurchaseOrderLineV2, PurchaseOrderHeaderV2, ReleasedProductV2,
VendorV2, CustomerV3, WarehousesOnHandV2. Source: "Data entities" and the Common Data Model pages of these
names on learn.microsoft.com (for example PurchPurchaseOrderLineV2Entity). Exports write the names in upper,
lower or mixed case.

These exports contain 1900-01-01 for a missing date (learn.microsoft.com, "dateNull").
"""

from loader.drafting.known_fields import FieldMeanings, System

_SPELLED: FieldMeanings = {
    "SalesOrderNumber": ("sales order", ("cust_order_id",)),
    "PurchaseOrderNumber": ("purchase order", ("order_id", "id")),
    "InventoryLotId": ("lot of the order line", ("id", "cust_order_line_id")),
    "LineNumber": ("number of the line", ("id", "external_line_number")),
    "LineCreationSequenceNumber": ("number of the line", ("id", "external_line_number")),
    "ItemNumber": ("item", ("product_id", "id")),
    "ProductName": ("name of the product", ("description",)),
    "ProductSearchName": ("search name of the product", ("description",)),
    "ProductType": ("type of the product", ("product_type",)),
    "ProductGroupId": ("product group", ("product_group_id",)),
    "InventoryUnitSymbol": ("unit of the stock", ("base_uom",)),
    "NetProductWeight": ("net weight", ("shipping_weight",)),
    "OrderVendorAccountNumber": ("vendor", ("tpartner_id",)),
    "VendorAccountNumber": ("vendor", ("tpartner_id", "vendor_tpartner_id", "id")),
    "VendorOrganizationName": ("name of the vendor", ("description",)),
    "OrderingCustomerAccountNumber": ("customer", ("customer_tpartner_id",)),
    "CustomerAccount": ("customer", ("customer_tpartner_id", "id")),
    "OrganizationName": ("name of the customer", ("description",)),
    "ReceivingWarehouseId": ("receiving warehouse", ("to_site_id",)),
    "ReceivingSiteId": ("receiving site", ("to_site_id",)),
    "ShippingWarehouseId": ("shipping warehouse", ("ship_from_site_id", "from_site_id")),
    "ShippingSiteId": ("shipping site", ("ship_from_site_id", "from_site_id")),
    "InventoryWarehouseId": ("warehouse", ("site_id",)),
    "DataAreaId": ("legal entity", ("company_id",)),
    "OrderedSalesQuantity": ("ordered quantity", ("init_quantity_requested",)),
    "OrderedPurchaseQuantity": ("ordered quantity", ("quantity_submitted",)),
    "OnHandQuantity": ("quantity on hand", ("on_hand_inventory",)),
    "SalesUnitSymbol": ("unit of the ordered quantity", ("quantity_uom",)),
    "PurchaseUnitSymbol": ("unit of the ordered quantity", ("quantity_uom",)),
    "SalesPrice": ("price of a unit", ("sold_price",)),
    "PurchasePrice": ("price of a unit", ("cost",)),
    "CurrencyCode": ("currency", ("currency_uom", "cost_uom", "order_currency_uom")),
    "RequestedShippingDate": ("requested ship date", ("expected_ship_date",)),
    "RequestedReceiptDate": ("requested receipt date", ("requested_delivery_date",)),
    "ConfirmedReceiptDate": ("confirmed receipt date", ("promised_delivery_date",)),
    "RequestedDeliveryDate": ("requested delivery date", ("expected_delivery_date",)),
    "ConfirmedDeliveryDate": ("confirmed delivery date", ("confirmation_date",)),
    "OrderCreationDateTime": ("created on", ("order_date", "order_creation_date")),
    "SalesOrderLineStatus": ("status of the line", ("status",)),
    "PurchaseOrderLineStatus": ("status of the line", ("status",)),
    "AddressStreet": ("street", ("address_1",)),
    "AddressCity": ("city", ("city",)),
    "AddressStateId": ("state", ("state_prov",)),
    "AddressZipCode": ("postal code", ("postal_code",)),
    "AddressCountryRegionId": ("country", ("country",)),
}

DYNAMICS = System(
    name="Dynamics 365",
    fields={name.upper(): meaning for name, meaning in _SPELLED.items()},
    distinctive=frozenset(
        {
            "SALESORDERNUMBER",
            "PURCHASEORDERNUMBER",
            "INVENTORYLOTID",
            "ORDEREDSALESQUANTITY",
            "ORDEREDPURCHASEQUANTITY",
            "INVENTORYUNITSYMBOL",
            "VENDORACCOUNTNUMBER",
            "CUSTOMERACCOUNT",
            "INVENTORYWAREHOUSEID",
        }
    ),
    parts=frozenset({"LINENUMBER", "LINECREATIONSEQUENCENUMBER"}),
    wholes=frozenset({"ITEMNUMBER", "VENDORACCOUNTNUMBER", "CUSTOMERACCOUNT"}),
    no_date=r"1900-01-01(?:[ T]00:00:00(?:\.0+)?Z?)?|0?1/0?1/1900(?: (?:12:00:00 AM|0?0:00(?::00)?))?",
)
