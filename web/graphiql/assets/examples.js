"use strict";

/* The tabs of a first visit: the way of a sale, from the settings to a refund. */
window.EXAMPLES = [
  {
    query: `# What a shop needs to know first.
# Nobody has to be signed in for this.
query Config {
  config {
    enabled
    testMode
    sandbox
    publishableKey
    defaultCurrency
    currencies
  }
}
`,
  },
  {
    query: `# What is sold, and for how much.
query Plans($currency: CurrencyCode) {
  plans(first: 10) {
    nodes {
      code
      kind
      name
      description
      credits
      prices(currency: $currency) {
        id
        interval
        intervalCount
        trialDays
        unitAmount {
          amount
          currency
          formatted
        }
      }
    }
  }
}
`,
    variables: JSON.stringify({ currency: "USD" }, null, 2),
  },
  {
    query: `# Sell a plan: open the url and pay.
# Repeating is safe: the same key and input
# give the same session.
mutation CreateCheckoutSession($input: CreateCheckoutSessionInput!) {
  createCheckoutSession(input: $input) {
    checkoutSession {
      id
      status
      url
      expiresAt
    }
    userErrors {
      code
      message
      field
      retryable
    }
  }
}
`,
    variables: JSON.stringify({ input: { planCode: "pro", currency: "USD", interval: "MONTH", idempotencyKey: "checkout-1" } }, null, 2),
  },
  {
    query: `# Who is signed in, and what they paid.
query MyPayments($first: Int = 20, $after: String) {
  viewer {
    externalId
    email
    roles
  }
  payments(first: $first, after: $after) {
    nodes {
      id
      status
      amount {
        formatted
      }
      amountRefunded {
        formatted
      }
      plan {
        name
      }
      failure {
        code
        message
      }
      createdAt
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: JSON.stringify({ first: 20 }, null, 2),
  },
  {
    query: `# Give money back, as support or administrator:
# an amount in cents, or without one all of it.
# Put in the id of a payment of the tab before.
mutation CreateRefund($input: CreateRefundInput!) {
  createRefund(input: $input) {
    refund {
      id
      status
      amount {
        formatted
      }
      payment {
        id
        status
      }
    }
    userErrors {
      code
      message
      field
      retryable
    }
  }
}
`,
    variables: JSON.stringify({ input: { paymentId: "pay_…", amount: 500, reason: "REQUESTED_BY_CUSTOMER", idempotencyKey: "refund-1" } }, null, 2),
  },
];
