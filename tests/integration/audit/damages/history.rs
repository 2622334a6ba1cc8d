//! A history with a hole, and a state that no event explains.

use super::each_is_found;

const WHOLE: &str = "the history of an execution is whole";
const LINE: &str = "each change of state begins where the one before it ended";
const STANDS: &str = "an execution stands where its last event says";
const MANDATE: &str = "a mandate stands where its last event says";
const INTENT: &str = "every call that moves money has had its intent";
const PROVEN: &str = "a debit is proven by an answer of the provider or by a person";
const OPEN: &str = "an open outcome ends by a look-up or by a person";

#[tokio::test]
async fn a_hole_in_the_history_is_found() {
    each_is_found(&[
        ("without its planning", &[WHOLE], "
            delete from mandated.events
             where id = (select min(id) from mandated.events where execution_id = x('902', 2))"),
        ("without any event", &[WHOLE, INTENT], "
            delete from mandated.events where execution_id = x('902', 2)"),
        ("without an event in between", &[LINE], "
            delete from mandated.events where execution_id = x('902', 2) and to_state = 'pending'"),
        ("without its last event", &[STANDS], "
            delete from mandated.events
             where id = (select max(id) from mandated.events where execution_id = x('902', 2))"),
        ("a debit without its calls", &[WHOLE, PROVEN, OPEN], "
            delete from mandated.attempts where execution_id = x('902', 2)"),
        ("a debit without the call that made it", &[WHOLE], "
            delete from mandated.attempts where execution_id = x('902', 2) and call = 'execute'"),
        ("a call without its intent", &[INTENT], "
            update mandated.events set kind = 'execution.begun' where execution_id = x('902', 2) and kind = 'execution.executing'"),
        ("an execution that no event explains", &[STANDS], "
            update mandated.executions set state = 'skipped', finished_at = '2027-02-22Z' where id = x('900', 4);
            delete from mandated.jobs where execution_id = x('900', 4)"),
        ("a mandate that no event explains", &[MANDATE], "
            update mandated.mandates set status = 'revoked' where ref = '902'"),
        ("a mandate that became active by itself", &["a mandate is active again by its provider's word or a person's"], "
            insert into mandated.events (at, kind, mandate_id, mandate_ref, from_state, to_state, reason)
            values ('2027-02-17Z', 'mandate.paused', m('902'), '902', 'active', 'paused', 'it says so'),
                   ('2027-02-18Z', 'mandate.active', m('902'), '902', 'paused', 'active', 'it says nothing')"),
    ])
    .await;
}
