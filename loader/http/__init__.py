"""HTTP transports: the interface, the aiohttp transport, proxies and TLS."""
