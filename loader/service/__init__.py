"""The service: one attempt to deliver one event.

The rest of the loader uses `client`. `protocol` and `outcomes` are pure: request bodies, and the meaning
of answers. `path_faults` describes answers of intermediaries and requests without an answer.
`live_schema` reads the schema of a dataset. Endpoint, credentials and signatures are in `loader.aws`;
the two transports are in `loader.http`.
"""
