//! Cases A1, A4, A5 and A6: what a debit says, against what the kept answers say.

use super::each_is_found;

const BELIEVED: &str =
    "an answer that was believed is about its own order, customer, mandate and amount";
const AMOUNT: &str = "a debit is of the amount and the payment that its answer states";
const PROVEN: &str = "what is written down as collected, its kept answer calls collected";
const HIDDEN: &str = "what an answer calls collected is not written down as anything else";

/// Juspay's: of a cycle of 902 that was collected at once, and of the failed try of its first.
const JUSPAY: [super::Damage<'_>; 12] = [
    ("another order in the answer", &[BELIEVED], "
        update mandated.attempts set body = jsonb_set(body::jsonb, '{order_id}', '\"zzzzzzzzzzzzzzzzzzzz\"')::text
         where execution_id = x('902', 2) and outcome = 'charged'"),
    ("another customer in the answer", &[BELIEVED], "
        update mandated.attempts set body = jsonb_set(body::jsonb, '{customer_id}', '\"cst_251\"')::text
         where execution_id = x('902', 2) and outcome = 'charged'"),
    ("another mandate in the answer", &[BELIEVED], "
        update mandated.attempts set body = jsonb_set(body::jsonb, '{mandate}', '{\"mandate_id\":\"mnd_2\"}')::text
         where execution_id = x('902', 2) and outcome = 'charged'"),
    ("another customer in the answer to a try that failed", &[BELIEVED], "
        update mandated.attempts set body = jsonb_set(body::jsonb, '{customer_id}', '\"cst_251\"')::text
         where execution_id = x('902', 1) and outcome = 'failed'"),
    ("another amount in the answer", &[BELIEVED, AMOUNT], "
        update mandated.attempts set body = jsonb_set(body::jsonb, '{amount}', '1.0')::text
         where execution_id = x('902', 2) and outcome = 'charged'"),
    ("another currency in the answer", &[BELIEVED, AMOUNT], "
        update mandated.attempts set body = jsonb_set(body::jsonb, '{currency}', '\"USD\"')::text
         where execution_id = x('902', 2) and outcome = 'charged'"),
    ("another amount in an answer that was cut", &[BELIEVED, AMOUNT], "
        update mandated.attempts set body = '{\"amount\":1.0,\"currency\":\"INR\",\"customer_id\":\"customer_902\",\"date_cre…'
         where execution_id = x('902', 2) and outcome = 'charged'"),
    ("a debit of another payment", &[AMOUNT], "
        update mandated.debits set provider_txn = 'shop-zzzz-1' where execution_id = x('902', 2)"),
    ("an answer that does not say collected", &[PROVEN], "
        update mandated.attempts set body = jsonb_set(body::jsonb, '{status}', '\"AUTHORIZING\"')::text
         where execution_id = x('902', 2) and outcome = 'charged'"),
    ("an answer that was not kept", &[PROVEN], "
        update mandated.attempts set body = null where execution_id = x('902', 2) and outcome = 'charged'"),
    ("a collection that was written down as a failure", &[HIDDEN], "
        update mandated.attempts set body = jsonb_set(body::jsonb, '{status}', '\"CHARGED\"')::text
         where execution_id = x('902', 1) and outcome = 'failed'"),
    ("a debit of another amount", &[AMOUNT, "what is notified, opened and debited is the execution's amount, within the maximum"], "
        update mandated.debits set amount_minor = 49800 where execution_id = x('902', 2)"),
];

/// Signzy's: of an on-demand mandate and of a watched one.
const SIGNZY: [super::Damage<'_>; 5] = [
    ("another eMandate in the answer", &[BELIEVED], "
        update mandated.attempts set body = regexp_replace(body, '(\"subReferenceId\":\"?)906', '\\1999', 'g')
         where execution_id = x('906', 2) and outcome = 'charged'"),
    ("another eMandate in the answer about a watched payment", &[BELIEVED], "
        update mandated.attempts set body = regexp_replace(body, '(\"subReferenceId\":\"?)907', '\\1999', 'g')
         where execution_id = x('907', 2) and outcome = 'charged'"),
    ("another amount in the answer about a payment", &[BELIEVED, AMOUNT], "
        update mandated.attempts set body = regexp_replace(body, '\"amount\":\"?499(\\.0+)?\"?', '\"amount\":1', 'g')
         where execution_id = x('907', 2) and outcome = 'charged'"),
    ("a payment that was booked on two cycles",
     &["a payment of the provider is one debit's", AMOUNT], "
        alter table mandated.debits drop constraint debits_payment_key;
        update mandated.debits set provider_txn = (select provider_txn from mandated.debits where execution_id = x('907', 2))
         where execution_id = x('907', 3)"),
    ("an answer about a payment that was not kept", &[PROVEN], "
        update mandated.attempts set body = null where execution_id = x('906', 2) and outcome = 'charged'"),
];

#[tokio::test]
async fn what_juspays_answers_state_of_another_debit_is_found() {
    each_is_found(&JUSPAY).await;
}

#[tokio::test]
async fn what_signzys_answers_state_of_another_debit_is_found() {
    each_is_found(&SIGNZY).await;
}

/// Notifications are answered too.
#[tokio::test]
async fn what_answers_about_notifications_state_of_another_is_found() {
    each_is_found(&[
        ("another notification in the answer", &[BELIEVED], "
            update mandated.attempts set body = jsonb_set(body::jsonb, '{object_reference_id}', '\"zzzzz\"')::text
             where execution_id = x('900', 2) and outcome = 'delivered'"),
        ("another mandate in the answer about a notification", &[BELIEVED], "
            update mandated.attempts set body = jsonb_set(body::jsonb, '{mandate,mandate_id}', '\"mnd_2\"')::text
             where execution_id = x('903', 2) and outcome = 'delivered'"),
        ("another amount in the answer about a notification", &[BELIEVED], "
            update mandated.attempts set body = jsonb_set(body::jsonb, '{source_info,amount}', '\"1.00\"')::text
             where execution_id = x('903', 2) and outcome = 'delivered'"),
        ("an answer that does not say delivered", &[BELIEVED], "
            update mandated.attempts set body = jsonb_set(body::jsonb, '{status}', '\"PENDING\"')::text
             where execution_id = x('903', 2) and outcome = 'delivered'"),
    ])
    .await;
}
