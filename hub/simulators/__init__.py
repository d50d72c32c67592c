"""A believable DUO and a believable LAS, for development, the demonstration and tests."""
