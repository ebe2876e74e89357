"""The object types of the schema, one noun a module; each declares its fields and reads them off the row it is given."""
