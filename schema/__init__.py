"""GraphQL as declared and as served: types, scalars, limits, and the endpoint that answers operations over HTTP."""
