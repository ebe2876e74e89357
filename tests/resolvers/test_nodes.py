"""Any row by its id."""

from models.ids import Prefix, new_id
from tests.resolvers.asking import Asking
from tests.resolvers.world import World

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def test_every_kind_in_the_order_of_the_ids(asking: Asking, world: World) -> None:
    kinds = {
        world.alice.refund.id: "Refund",
        world.pro.id: "Plan",
        world.alice.payment.id: "Payment",
        world.alice.customer.id: "Customer",
        world.pro_price.id: "Price",
        world.alice.session.id: "CheckoutSession",
        world.alice.dispute.id: "Dispute",
        world.alice.subscription.id: "Subscription",
        world.bob.payment.id: None,
        world.old.id: None,
        world.retired_price.id: None,
        new_id(Prefix.PAYMENT): None,
        world.alice.invoice.id: "Invoice",
        world.alice.line.id: "InvoiceLine",
        world.alice.entry.id: "CreditEntry",
        world.alice.right.id: "Entitlement",
        world.alice.request.id: "RefundRequest",
        world.code.id: "PromotionCode",
        world.seller.id: "Seller",
        world.bob.invoice.id: None,
        new_id(Prefix.OUTBOX_ENTRY): None,
        "pi_123": None,
        "": None,
        "pay_\0": None,
    }
    asked = [*kinds, world.pro.id]
    expected = [kinds[row_id] and {"__typename": kinds[row_id], "id": row_id} for row_id in asked]
    assert await asking.ask("owner", NODES, ids=asked) == {"nodes": expected}
    for row_id in kinds:
        one = await asking.ask("owner", "query($id: ID!) { node(id: $id) { __typename id } }", id=row_id)
        assert one == {"node": expected[asked.index(row_id)]}


async def test_the_anonymous_see_the_catalogue_alone(asking: Asking, world: World) -> None:
    assert await asking.ask("anonymous", NODES, ids=[world.pro.id, world.old.id, "x"]) == {
        "nodes": [{"__typename": "Plan", "id": world.pro.id}, None, None]
    }
    assert await asking.codes("anonymous", NODES, ids=[world.pro.id, world.alice.customer.id]) == ["UNAUTHENTICATED"]


async def test_at_most_a_hundred(asking: Asking, world: World) -> None:
    assert (await asking.ask("owner", NODES, ids=[world.pro.id] * 100))["nodes"][99] == {"__typename": "Plan", "id": world.pro.id}
    assert await asking.codes("owner", NODES, ids=[world.pro.id] * 101) == ["BAD_USER_INPUT"]
    assert await asking.ask("owner", NODES, ids=[]) == {"nodes": []}
