"""What GraphQL calls for each mutation: its input as the service's request, handed to resolvers.mutations."""
