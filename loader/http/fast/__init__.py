"""The default HTTP/1.1 transport: asyncio protocols and the httptools parser."""
