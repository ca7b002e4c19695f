"""A real broker with TLS, SCRAM and Kafka's own authorizer, and the users of deploy/access.py."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.access import User
from streams.localbroker import LocalCluster
from streams.localbroker.distribution import KAFKA_VERSION
from streams.localbroker.node import random_id
from streams.localbroker.ports import free_ports
from streams.localbroker.record import ClusterRecord, NodeRecord, write_record
from tests.integration.security.certificates import Authority, make_server_file

HOST = "127.0.0.1"
_RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS = {
    "Read": ACLOperation.READ,
    "Write": ACLOperation.WRITE,
    "Describe": ACLOperation.DESCRIBE,
    "Create": ACLOperation.CREATE,
    "Alter": ACLOperation.ALTER,
    "AlterConfigs": ACLOperation.ALTER_CONFIGS,
    "DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS,
}


class SecuredBroker:
    """One broker. Its open listener is the administrator's (and the brokers' own) way in; all
    others come by TLS and SCRAM-SHA-512, and may do what their access list says."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.authority = authority
        self._folder = folder
        self._passwords: dict[str, str] = {}
        port, controller, self.port = free_ports(3)
        server = make_server_file(folder, authority, HOST)
        data = folder / "broker"
        data.mkdir()
        node = NodeRecord(id=1, port=port, controller_port=controller)
        write_record(
            data, ClusterRecord(cluster_id=random_id(), kafka_version=KAFKA_VERSION, nodes=[node])
        )
        names = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL"
        self.cluster = LocalCluster(
            1,
            data,
            properties={
                "listeners": f"PLAINTEXT://{HOST}:{port},SASL_SSL://{HOST}:{self.port},"
                f"CONTROLLER://{HOST}:{controller}",
                "advertised.listeners": f"PLAINTEXT://{HOST}:{port},SASL_SSL://{HOST}:{self.port}",
                "listener.security.protocol.map": names,
                "inter.broker.listener.name": "PLAINTEXT",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(server),
                "sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                ),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
                "allow.everyone.if.no.acl.found": "false",
            },
        )

    @property
    def bootstrap(self) -> str:
        """Of the secured listener."""
        return f"{HOST}:{self.port}"

    def admin(self) -> Any:
        """The administrator, who may do everything."""
        return KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)

    def add_users(self, users: Sequence[User]) -> None:
        """Make them, each with a password of its own, and their access lists."""
        admin = self.admin()
        for user in users:
            self._passwords[user.name] = f"secret of {user.name}"
        answers = admin.alter_user_scram_credentials(
            [
                UserScramCredentialUpsertion(
                    user.name, ScramMechanism.SCRAM_SHA_512, self._passwords[user.name]
                )
                for user in users
            ]
        )
        assert not any(answers.values()), answers
        done = admin.create_acls([acl for user in users for acl in acls_of(user)])
        assert not done["failed"], done
        admin.close()

    def password_file(self, user: str) -> Path:
        file = self._folder / f"password-{user}"
        file.write_text(self._passwords[user] + "\n")
        return file

    def settings(self, user: str) -> dict[str, object]:
        """The section `kafka` of a settings file; the password comes from elsewhere."""
        return {
            "bootstrap": self.bootstrap,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": user,
            "ssl_cafile": str(self.authority.file),
        }

    def client(self, user: str) -> dict[str, Any]:
        """Arguments of kafka-python's clients."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": self._passwords[user],
            "ssl_cafile": str(self.authority.file),
        }


def acls_of(user: User) -> list[ACL]:
    """A user's rules as Kafka takes them."""
    return [
        ACL(
            f"User:{user.name}",
            "*",
            _OPERATIONS[operation],
            ACLPermissionType.ALLOW,
            ResourcePattern(
                _RESOURCES[rule.resource],
                rule.name,
                ACLResourcePatternType.PREFIXED if rule.prefix else ACLResourcePatternType.LITERAL,
            ),
        )
        for rule in user.rules
        for operation in rule.operations
    ]
