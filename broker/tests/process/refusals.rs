//! What is not served yet ends a client quickly, with a code that its library takes as final.

use thalweg_model::ErrorCode;
use thalweg_wire::Str;
use thalweg_wire::messages::{FindCoordinatorRequest, InitProducerIdRequest};

use crate::harness::Broker;

/// The kind of key that is a transactional id.
const TRANSACTION: i8 = 1;

/// librdkafka asks for ever at any code that is not an authorization's.
#[test]
fn a_transactional_id_is_refused_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    let refused = ErrorCode::TransactionalIdAuthorizationFailed.code();

    let by_key = FindCoordinatorRequest {
        key: Str::from("payments"),
        key_type: TRANSACTION,
        ..FindCoordinatorRequest::default()
    };
    let answer = client.ask(&by_key, 3).unwrap();
    assert_eq!(answer.error_code, refused);
    let words = answer.error_message.unwrap_or_default();
    assert!(words.contains("transactions"), "{words}");

    let by_keys = FindCoordinatorRequest {
        coordinator_keys: vec![Str::from("payments")],
        key_type: TRANSACTION,
        ..FindCoordinatorRequest::default()
    };
    let answer = client.ask(&by_keys, 6).unwrap();
    assert_eq!(answer.coordinators[0].error_code, refused);

    let identity = InitProducerIdRequest {
        transactional_id: Some(Str::from("payments")),
        transaction_timeout_ms: 60_000,
        ..InitProducerIdRequest::default()
    };
    for version in [0, 5] {
        let answer = client.ask(&identity, version).unwrap();
        assert_eq!((answer.error_code, answer.producer_id), (refused, -1));
    }
}
