"""What can be changed."""

from typing import Any

import strawberry

from schema.mutations import cataloguing, crediting, erasing, invoicing, operating, promoting, refunding, selling, subscribing, telling
from schema.payloads import (
    CreateCheckoutSessionPayload,
    CreateEventDestinationPayload,
    CreatePaymentIntentPayload,
    CreatePortalSessionPayload,
    CreditsPayload,
    CustomerPayload,
    DeliveryPayload,
    EventDestinationPayload,
    InvoicePayload,
    PaymentPayload,
    PlanPayload,
    PromotionCodePayload,
    RefundPayload,
    RefundRequestPayload,
    SellerPayload,
    SubscriptionPayload,
    WebhookEventPayload,
)


@strawberry.type(description="What can be changed. What a client can act on comes as `userErrors`, with the result null.")
class Mutation:
    """Each field authorises and calls one service, through schema.mutations and resolvers.mutations."""

    create_checkout_session: Any = strawberry.mutation(
        resolver=selling.create_checkout_session,
        graphql_type=CreateCheckoutSessionPayload,
        description="Sell to the caller on a page of Stripe's: something of the catalogue, or an invoice of theirs.",
    )
    create_payment_intent: Any = strawberry.mutation(
        resolver=selling.create_payment_intent,
        graphql_type=CreatePaymentIntentPayload,
        description="Sell a package, or an invoice of theirs, to the caller in the seller's own page, with Stripe.js.",
    )
    refresh_payment: Any = strawberry.mutation(
        resolver=selling.refresh_payment,
        graphql_type=PaymentPayload,
        description="Read the payment again from Stripe: what a success page calls when it will not wait for the webhook.",
    )
    create_portal_session: Any = strawberry.mutation(
        resolver=selling.create_portal_session,
        graphql_type=CreatePortalSessionPayload,
        description="Open Stripe's customer portal for the caller.",
    )
    create_refund: Any = strawberry.mutation(
        resolver=refunding.create_refund,
        graphql_type=RefundPayload,
        description="Give back all or part of a payment; for support and administrators.",
    )
    request_refund: Any = strawberry.mutation(
        resolver=refunding.request_refund,
        graphql_type=RefundRequestPayload,
        description="Ask for money back of the caller's own payment, of which one request may be open.",
    )
    approve_refund_request: Any = strawberry.mutation(
        resolver=refunding.approve_refund_request,
        graphql_type=RefundRequestPayload,
        description="Give back what a customer asks for, once; for support and administrators.",
    )
    reject_refund_request: Any = strawberry.mutation(
        resolver=refunding.reject_refund_request,
        graphql_type=RefundRequestPayload,
        description="Refuse what a customer asks for; for support and administrators.",
    )
    withdraw_refund_request: Any = strawberry.mutation(
        resolver=refunding.withdraw_refund_request,
        graphql_type=RefundRequestPayload,
        description="Take back what the caller asked.",
    )
    cancel_subscription: Any = strawberry.mutation(
        resolver=subscribing.cancel_subscription,
        graphql_type=SubscriptionPayload,
        description="End a subscription with its period, or now; nothing is given back by itself.",
    )
    resume_subscription: Any = strawberry.mutation(
        resolver=subscribing.resume_subscription,
        graphql_type=SubscriptionPayload,
        description="Take back the planned end of a subscription.",
    )
    change_subscription: Any = strawberry.mutation(
        resolver=subscribing.change_subscription,
        graphql_type=SubscriptionPayload,
        description="Another plan, interval or quantity; see previewSubscriptionChange for what it costs.",
    )
    pause_subscription: Any = strawberry.mutation(
        resolver=subscribing.pause_subscription,
        graphql_type=SubscriptionPayload,
        description="Let a subscription rest: nothing is billed, nothing may be used, what is not used is taken off the next invoice.",
    )
    unpause_subscription: Any = strawberry.mutation(
        resolver=subscribing.unpause_subscription,
        graphql_type=SubscriptionPayload,
        description="Let a paused subscription go on: a new period begins and is charged now.",
    )
    create_invoice: Any = strawberry.mutation(
        resolver=invoicing.create_invoice,
        graphql_type=InvoicePayload,
        description="Issue an invoice; for the host's back end and administrators.",
    )
    void_invoice: Any = strawberry.mutation(
        resolver=invoicing.void_invoice,
        graphql_type=InvoicePayload,
        description="Take back an invoice of which nothing is paid; for the host's back end and administrators.",
    )
    save_seller: Any = strawberry.mutation(
        resolver=invoicing.save_seller,
        graphql_type=SellerPayload,
        description="Make a seller, or change one of the same externalId; for the host's back end and administrators.",
    )
    grant_credits: Any = strawberry.mutation(
        resolver=crediting.grant_credits,
        graphql_type=CreditsPayload,
        description="Give a customer credits; for the host's back end and administrators.",
    )
    use_credits: Any = strawberry.mutation(
        resolver=crediting.use_credits,
        graphql_type=CreditsPayload,
        description="For the seller's own back end: takes credits if the balance allows, in one step.",
    )
    save_plan: Any = strawberry.mutation(
        resolver=cataloguing.save_plan,
        graphql_type=PlanPayload,
        description="Make the plan of this code, or change it, here and at Stripe; an archived one is sold again. For administrators.",
    )
    archive_plan: Any = strawberry.mutation(
        resolver=cataloguing.archive_plan,
        graphql_type=PlanPayload,
        description="Sell a plan no more; who holds it keeps it. For administrators.",
    )
    create_promotion_code: Any = strawberry.mutation(
        resolver=promoting.create_promotion_code,
        graphql_type=PromotionCodePayload,
        description="Make a promotion code, here and at Stripe; for administrators.",
    )
    deactivate_promotion_code: Any = strawberry.mutation(
        resolver=promoting.deactivate_promotion_code,
        graphql_type=PromotionCodePayload,
        description="Let a promotion code be used no more; for administrators.",
    )
    replay_webhook_event: Any = strawberry.mutation(
        resolver=operating.replay_webhook_event,
        graphql_type=WebhookEventPayload,
        description="Apply a stored event of Stripe's once more; for support and administrators.",
    )
    create_event_destination: Any = strawberry.mutation(
        resolver=telling.create_event_destination,
        graphql_type=CreateEventDestinationPayload,
        description="Tell another back end what happens here; for administrators. The signing secret is shown in this answer only.",
    )
    update_event_destination: Any = strawberry.mutation(
        resolver=telling.update_event_destination,
        graphql_type=EventDestinationPayload,
        description="Change which events a destination gets, let it rest, or rotate its secret; for administrators.",
    )
    delete_event_destination: Any = strawberry.mutation(
        resolver=telling.delete_event_destination,
        graphql_type=EventDestinationPayload,
        description="Send nothing more to a destination; for administrators. What waited for it is given up.",
    )
    redeliver: Any = strawberry.mutation(
        resolver=telling.redeliver,
        graphql_type=DeliveryPayload,
        description="Send an event (again) now, under the same message id; for administrators.",
    )
    erase_customer: Any = strawberry.mutation(
        resolver=erasing.erase_customer,
        graphql_type=CustomerPayload,
        description="Erase the person, keep the books: personal data goes, here and at Stripe; for administrators. It cannot be undone.",
    )
