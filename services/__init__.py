"""The work: what selling, paying and paying back mean. The only floor that talks to Stripe; knows no GraphQL and no HTTP request."""
