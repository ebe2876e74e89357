"""The HTTP edge beside GraphQL: middleware, probes, metrics, the pages of development, and GraphiQL's files."""
