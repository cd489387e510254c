"""The user's AWS configuration: session, credentials, endpoint and signatures."""
