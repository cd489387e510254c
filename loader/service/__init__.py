"""The wire: one attempt to deliver one event, and everything it takes.

`client` is what the rest of the loader uses. Below it: `protocol` and `signing` are pure; `endpoint`,
`credentials` and `network` find out, by botocore's rules, where to send, as whom and by which way;
`transport` is the seam to HTTP. Behind it are two implementations, held to one suite of tests:
`fast_transport`, made for speed, and `aiohttp_transport`, the reference, which also speaks to proxies.
"""
