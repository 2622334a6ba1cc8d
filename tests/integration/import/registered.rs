//! A registration is known once, whatever the account: an account may be another name of the same merchant.

use mandated::store::pool::DatabasePool;

use super::{file, mandates, printed, row, run, take, with_accounts};
use crate::support::due::execute;

/// The same merchant by another address, as far as nobody can see.
async fn with_an_alias(pool: &DatabasePool) {
    let another =
        "insert into mandated.accounts (name, provider) values ('main_by_proxy', 'juspay')";
    execute(pool, another).await;
}

#[tokio::test]
async fn a_registration_of_another_account_is_refused_by_its_name_and_ref() {
    let database = with_accounts().await;
    let pool = &database.pool;
    with_an_alias(pool).await;
    take(pool, &file(&[row(&[])])).await;
    let again = file(&[
        row(&[("ref", "sub-2"), ("account", "main_by_proxy")]),
        row(&[("ref", "sub-3"), ("mandate_id", "mandate-3")]),
        row(&[
            ("ref", "sub-4"),
            ("account", "main_by_proxy"),
            ("mandate_id", "mandate-3"),
        ]),
        row(&[
            ("ref", "sub-5"),
            ("account", "main_by_proxy"),
            ("mandate_id", "Mandate-1"),
        ]),
        row(&[("account", "main_by_proxy")]),
    ]);
    let report = run(pool, again.as_bytes(), true).await.unwrap();
    insta::assert_snapshot!(printed(&report), @r#"
    line 2, mandate_id: is registered already, as ref "sub-1" of account main: a provider gives an id once, so both rows are one mandate, and it would be debited under both; leave this row out, and keep one account, main; mandates of a sandbox need a database of their own
    line 4, mandate_id: is on line 3 already
    line 5, mandate_id: is registered already, as ref "sub-1" (there it is written mandate-1) of account main: a provider gives an id once, so both rows are one mandate, and it would be debited under both; leave this row out, and keep one account, main; mandates of a sandbox need a database of their own
    line 6, account: differs from the mandate that is registered under this ref; an import never changes one
    1 imported, 0 unchanged, 4 invalid
    "#);
    assert_eq!(mandates(pool).await, ["sub-1", "sub-3"]);
}

/// Their numbers are their own.
#[tokio::test]
async fn a_number_of_another_provider_is_another_mandate() {
    let database = with_accounts().await;
    let both = file(&[
        row(&[("mandate_id", "3290000")]),
        row(&[
            ("ref", "sub-2"),
            ("account", "nach"),
            ("mandate_id", "3290000"),
            ("rail", "enach"),
            ("notify", "none"),
        ]),
    ]);
    take(&database.pool, &both).await;
    let again = run(&database.pool, both.as_bytes(), false).await.unwrap();
    assert_eq!((again.unchanged, again.invalid), (2, 0));
}
