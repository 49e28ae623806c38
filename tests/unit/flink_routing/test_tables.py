"""The job's tables, as their DDL says where Kafka is."""

from flink.tables import answers, results
from streaming.settings import Settings

LOGIN = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "flink_score_job", "kafka_ssl_ca_location": "/ca.pem"}


def test_a_kafka_that_lets_everybody_in_is_asked_for_no_login() -> None:
    for ddl in (answers(Settings()), results(Settings())):
        assert "security.protocol" not in ddl
        assert "sasl" not in ddl


def test_both_tables_log_in_and_no_character_of_a_password_ends_its_text() -> None:
    settings = Settings(**LOGIN, kafka_sasl_password='it\'s "odd" \\')
    for ddl in (answers(settings), results(settings)):
        assert "'properties.security.protocol' = 'SASL_SSL'" in ddl
        assert "'properties.sasl.mechanism' = 'SCRAM-SHA-512'" in ddl
        assert "'properties.ssl.truststore.location' = '/ca.pem'" in ddl
        assert 'ScramLoginModule required username="flink_score_job" password="it\'\'s \\"odd\\" \\\\";' in ddl
