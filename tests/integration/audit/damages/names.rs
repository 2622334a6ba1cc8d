//! Cases A1 to A4: another's order, another's notification, one registration under two names, two debits in a period.

use super::{each_is_found, each_is_refused, lived};

const ORDERS: &str = "an order is called as its cycle's registration, period and number are";
const NOTIFICATIONS: &str =
    "a notification is its own execution's, and delivered when an answer says so";
const ONCE: &str = "a registration is known once";

#[tokio::test]
async fn anothers_order_is_found() {
    each_is_found(&[
        ("a debit on another cycle's order",
         &[ORDERS, "a debit is proven by an answer of the provider or by a person"], "
            update mandated.debits set order_id = (select order_id from x where id = x('902', 3)) where execution_id = x('902', 2)"),
        ("a debit and its execution on an order that is nobody's",
         &[ORDERS, "a debit is proven by an answer of the provider or by a person"], "
            update mandated.executions set order_id = 'zzzzzzzzzzzzzzzzzzzz' where id = x('905', 2);
            update mandated.debits set order_id = 'zzzzzzzzzzzzzzzzzzzz' where execution_id = x('905', 2)"),
        ("a look-up of another customer's order",
         &["a call is about an order or a notification of its own cycle", "a debit is proven by an answer of the provider or by a person",
           "an answer that was believed is about its own order, customer, mandate and amount"], "
            update mandated.attempts set reference = (select order_id from x where id = x('905', 2))
             where execution_id = x('902', 2) and outcome = 'charged'"),
        ("a cycle that is called by another period",
         &[ORDERS, "a call is about an order or a notification of its own cycle"], "
            update mandated.executions set period = '2027-W20' where id = x('902', 2)"),
        ("two debits in a period", &["a period of a mandate has at most one debit"], "
            insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at)
            select mandate_id, cycle_on + 1, 999999, order_id, amount_minor, currency, proven_at - interval '90 days'
              from mandated.debits where execution_id = x('902', 2)"),
    ])
    .await;
}

#[tokio::test]
async fn anothers_notification_is_found() {
    each_is_found(&[
        ("another mandate's reference", &[NOTIFICATIONS], "
            update mandated.notifications set reference = (select notification_ref from x where id = x('903', 2))
             where execution_id = x('900', 2)"),
        ("another mandate's notification", &[NOTIFICATIONS], "
            update mandated.notifications set mandate_id = m('903') where execution_id = x('900', 2)"),
        ("an execution that names a notification which is nobody's", &[ORDERS], "
            update mandated.executions set notification_ref = 'zzzzzzzzzzzzzzzzzzzzzzzzz' where id = x('900', 2)"),
        ("a delivery before the answer that says so", &[NOTIFICATIONS], "
            update mandated.notifications set delivered_at = delivered_at - interval '10 hours',
                                              requested_at = requested_at - interval '10 hours' where execution_id = x('900', 2);
            update mandated.executions set delivered_at = delivered_at - interval '10 hours' where id = x('900', 2)"),
        ("a delivery that no answer says", &[NOTIFICATIONS], "
            update mandated.attempts set outcome = 'pending' where execution_id = x('900', 2) and outcome = 'delivered'"),
        ("another delivery in the execution", &[NOTIFICATIONS], "
            update mandated.executions set delivered_at = delivered_at - interval '1 hour' where id = x('900', 2)"),
        ("a debit within 24 hours of its delivery",
         &["no debit is tried within 24 hours of its notification's delivery",
           "no debit is begun within 25 hours of its notification's delivery"], "
            update mandated.notifications n set delivered_at = a.at, requested_at = a.at - interval '1 minute'
              from (select min(at) - interval '23 hours' as at from mandated.attempts
                     where execution_id = x('900', 2) and call = 'execute') a
             where n.execution_id = x('900', 2);
            update mandated.executions e set delivered_at = n.delivered_at from mandated.notifications n
             where n.execution_id = e.id and e.id = x('900', 2);
            update mandated.attempts a set at = n.delivered_at from mandated.notifications n
             where n.execution_id = a.execution_id and a.execution_id = x('900', 2) and a.outcome = 'delivered'"),
    ])
    .await;
}

/// Copies the mandate 900 to a second account.
const TWIN: &str = "
    insert into mandated.mandates (ref, account_id, provider, provider_mandate_id, customer_id, rail, notify, amount_minor,
      max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, next_cycle_on, next_plan_at, created_at, updated_at)
    select 'twin', (select max(id) from mandated.accounts), provider, provider_mandate_id, customer_id, rail, notify, amount_minor,
      max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, next_cycle_on, next_plan_at, next_cycle_on - 1,
      next_cycle_on - 1
      from mandated.mandates where ref = '900'";

/// Another account, of another merchant as far as anybody can see.
const ANOTHER_ACCOUNT: &str = "
    insert into mandated.accounts (name, provider, merchant, is_simulated, database)
    select 'juspay_new', provider, merchant || '_2', is_simulated, database from mandated.accounts where name = 'juspay_main'";

#[tokio::test]
async fn one_registration_under_two_names_is_found() {
    let without = "drop index mandated.mandates_registration_key";
    let in_two_accounts = format!("{without}; {ANOTHER_ACCOUNT}; {TWIN}");
    let in_one = TWIN.replace("(select max(id) from mandated.accounts)", "account_id");
    let in_one_account = format!("{without}; {in_one}");
    // A mandate of Juspay's that has the number of one of Signzy's.
    let of_another = TWIN.replace("provider, provider_mandate_id, customer_id, rail, notify, amount_minor,\n      max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, next_cycle_on, next_plan_at, next_cycle_on - 1",
                                  "provider, '907', customer_id, rail, notify, amount_minor,\n      max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, next_cycle_on, next_plan_at, next_cycle_on - 1");
    assert_ne!(of_another, TWIN);
    let of_another_provider = format!("{ANOTHER_ACCOUNT}; {of_another}");
    each_is_found(&[
        ("two accounts", &[ONCE], &in_two_accounts),
        ("one account", &[ONCE], &in_one_account),
        ("another provider's", &[], &of_another_provider),
    ])
    .await;
}

#[tokio::test]
async fn the_schema_refuses_a_second_of_what_there_is_one() {
    let template = lived().await;
    let database = template.twin().await;
    each_is_refused(
        &database.pool,
        &[
            ("accounts_merchant_key", "
                insert into mandated.accounts (name, provider, merchant, is_simulated, database)
                select 'juspay_new', provider, merchant, is_simulated, database from mandated.accounts where name = 'juspay_main'"),
            ("mandates_registration_key",
             &TWIN.replace("(select max(id) from mandated.accounts)", "account_id")),
            ("mandates_registration_key", &format!("{ANOTHER_ACCOUNT}; {TWIN}")),
            ("executions_mandate_id_period_key", "
                update mandated.executions set period = (select period from x where id = x('902', 1)) where id = x('902', 2)"),
            ("executions_mandate_id_cycle_on_key", "
                update mandated.executions set cycle_on = (select cycle_on from x where id = x('902', 1)) where id = x('902', 2)"),
            ("executions_order_id_account_id_key", "
                update mandated.executions set order_id = (select order_id from x where id = x('901', 2)) where id = x('902', 2)"),
            ("executions_notification_ref_account_id_key", "
                update mandated.executions set notification_ref = (select notification_ref from x where id = x('903', 2))
                 where id = x('900', 2)"),
            ("_pkey", "
                update mandated.debits set cycle_on = (select cycle_on from x where id = x('902', 1)) where execution_id = x('902', 2)"),
            ("_provider_txn_mandate_id_key", "
                update mandated.debits set provider_txn = (select provider_txn from mandated.debits where execution_id = x('907', 2))
                 where execution_id = x('907', 3)"),
            ("intents_delivered_check", "
                insert into mandated.intents (execution_id, mandate_id, cycle_on, kind, order_id, amount_minor, max_amount_minor, notice,
                  notified_amount_minor, delivered_at, debit_at, opened_at, opened_by)
                select id, mandate_id, cycle_on, 'execute', order_id, amount_minor, max_amount_minor, 'notified', amount_minor,
                  delivered_at, delivered_at + interval '23 hours', delivered_at + interval '23 hours', 1
                  from x where id = x('900', 2)"),
        ],
    )
    .await;
}
