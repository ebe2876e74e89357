"""What a sandbox is told when it is made."""

from dataclasses import dataclass, field

from sandbox.account import Account
from sandbox.chaos import Chaos


@dataclass(frozen=True)
class Configuration:
    """Keys, the sandbox's own address, and where its webhooks go (None: nowhere); `chaos` is off at first, `account` as Stripe's is."""

    secret_key: str = field(repr=False)
    publishable_key: str
    public_url: str
    webhook_url: str | None
    webhook_secret: str | None = field(repr=False)
    chaos: Chaos = field(default_factory=Chaos, compare=False)
    account: Account = field(default_factory=Account, compare=False)

    def check(self) -> None:
        """Raise ValueError unless the keys are test keys and a webhook address comes with its secret."""
        if not self.secret_key.startswith("sk_test_"):
            raise ValueError("the sandbox takes test keys only: the secret key must start with sk_test_")
        if not self.publishable_key.startswith("pk_test_"):
            raise ValueError("the sandbox takes test keys only: the publishable key must start with pk_test_")
        if self.webhook_url is not None and not self.webhook_secret:
            raise ValueError("a webhook_url needs its webhook_secret, or the receiver could not tell Stripe from anybody")
