//! What is wrong with a file or a variable, and what the reader is told.

use mandated::config::Config;

use super::{GOOD, NOTHING, good, message, with};

#[test]
fn unknown_keys_in_the_file_name_the_nearest_key() {
    let text = with(
        r#"
        [worker]
        btach = 1
        tps = 5
        zzz = 1
        [databse]
        url = "x"
        [accounts.other]
        provder = "juspay"
        [rails.upi]
        window = []
        [retry.upi]
        fund = { strategy = "none" }
        transient = { inital = "1m" }
        "#,
    );
    insta::assert_snapshot!(message(&text, &[]), @r"
    11 things are wrong with the configuration
      neither accounts.other.api_key nor accounts.other.api_key_file is set
      accounts.other.base_url is not set
      mandated.toml: there is no key accounts.other.provder; did you mean accounts.other.provider?
      accounts.other.provider is not set
      mandated.toml: there is no key databse; did you mean database?
      mandated.toml: there is no key rails.upi.window; did you mean rails.upi.windows?
      mandated.toml: there is no key retry.upi.fund; did you mean retry.upi.funds?
      mandated.toml: there is no key retry.upi.transient.inital; did you mean retry.upi.transient.initial?
      mandated.toml: there is no key worker.btach; did you mean worker.batch?
      mandated.toml: there is no key worker.tps; did you mean accounts.NAME.tps?
      mandated.toml: there is no key worker.zzz; its section has batch, concurrency, drain_timeout, id, lease, parked_limit, parked_pause, parked_within, poll_interval, settle_batch, settle_linger, snapshot_warn_after, snapshot_warn_every, unknown_error_after, unknown_warn_after, unknown_warn_every
    ");
}

#[test]
fn unknown_variables_name_the_nearest_variable() {
    let environment = [
        ("MANDATED__WORKER__LAESE", "1m"),
        ("MANDATED__DATABASES__URL", "x"),
        ("MANDATED__WORKER", "x"),
        ("MANDATED__WORKER____LEASE", "1m"),
        ("MANDATED__RETRY__UPI__FUND__STRATEGY", "none"),
        ("MANDATED__ACCOUNTS__SECOND__APIKEY", "x"),
        // Kubernetes sets such variables for a service called `mandated`.
        ("MANDATED_SERVICE_HOST", "10.0.0.1"),
    ];
    insta::assert_snapshot!(message(GOOD, &environment), @r"
    6 things are wrong with the configuration
      MANDATED__ACCOUNTS__SECOND__APIKEY: there is no key accounts.second.apikey; did you mean MANDATED__ACCOUNTS__SECOND__API_KEY?
      MANDATED__DATABASES__URL: there is no key databases.url; did you mean MANDATED__DATABASE__URL?
      MANDATED__RETRY__UPI__FUND__STRATEGY: there is no key retry.upi.fund.strategy; did you mean MANDATED__RETRY__UPI__FUNDS__STRATEGY?
      MANDATED__WORKER: worker is a section, not a value
      MANDATED__WORKER____LEASE: there is no key worker..lease; its section has batch, concurrency, drain_timeout, id, lease, parked_limit, parked_pause, parked_within, poll_interval, settle_batch, settle_linger, snapshot_warn_after, snapshot_warn_every, unknown_error_after, unknown_warn_after, unknown_warn_every
      MANDATED__WORKER__LAESE: there is no key worker.laese; did you mean MANDATED__WORKER__LEASE?
    ");
}

#[test]
fn wrong_values_are_reported_together_with_their_source() {
    let text = with(
        r#"
        [worker]
        lease = "10"
        batch = "ten"
        concurrency = -1
        [planner]
        batch = 1.5
        [rails.upi]
        windows = ["25:00-26:00"]
        time_zone = "Asia/Kolkat"
        lookup_after = ["90s", "soon"]
        [rails.card]
        max_attempts = 100000
        [retry.card]
        funds = { strategy = "later" }
        transient = { strategy = "backoff", initial = "1h" }
        limit = { strategy = "none", at = "10:00" }
        throttled = { strategy = "backoff", initial = "1h", max = "2h", at = "10:00" }
        [log]
        format = "xml"
        filter = "=,="
        [clock]
        start = "yesterday"
        [accounts.Main]
        provider = "juspay"
        "#,
    )
    .replace("[listen]", "[listen]\naddress = \"everywhere\"");
    let environment = [
        ("MANDATED__WORKER__SETTLE_BATCH", "many"),
        ("MANDATED__RETRY__UPI__FUNDS__LAST_WORKING_DAY", "maybe"),
        ("MANDATED__ACCOUNTS__JUSPAY_MAIN__PROVIDER", "jusspay"),
    ];
    insta::assert_snapshot!(message(&text, &environment), @r#"
    20 things are wrong with the configuration
      mandated.toml: the name in accounts.Main may have small letters, digits and single underscores only
      MANDATED__ACCOUNTS__JUSPAY_MAIN__PROVIDER: accounts.juspay_main.provider: "jusspay" is none of juspay, signzy
      mandated.toml: clock.start: input contains invalid characters; an example is "2026-01-01T00:00:00Z"
      mandated.toml: listen.address: invalid socket address syntax; an example is "127.0.0.1:9180"
      mandated.toml: log.filter: "=,=" is not a filter: invalid filter directive; an example is "info,sqlx=warn"
      mandated.toml: log.format: "xml" is none of json, text
      mandated.toml: planner.batch must be a whole number, not a number with a fraction
      mandated.toml: rails.card.max_attempts: 100000 is out of range; an example is 2
      mandated.toml: rails.upi.lookup_after[1]: invalid value: string "soon", expected a duration; an example is ["90s", "15m", "110m"]
      mandated.toml: rails.upi.time_zone must be a time zone such as "Asia/Kolkata", not "Asia/Kolkat"
      mandated.toml: rails.upi.windows: "25:00-26:00" is not a window: write HH:MM-HH:MM, such as 13:01-16:59
      mandated.toml: retry.card.funds.strategy: unknown variant `later`, expected one of `backoff`, `next_day_part`, `payday`, `after_reset`, `none`
      mandated.toml: retry.card.limit.at means nothing to strategy "none"
      mandated.toml: retry.card.throttled: unknown field `at`, expected `initial` or `max`
      retry.card.transient.max is not set
      MANDATED__RETRY__UPI__FUNDS__LAST_WORKING_DAY: retry.upi.funds.last_working_day must be true or false, not "maybe"
      mandated.toml: worker.batch must be a whole number, not text
      mandated.toml: worker.concurrency: -1 is out of range; an example is 256
      mandated.toml: worker.lease: invalid value: string "10", expected a duration; an example is "150s"
      MANDATED__WORKER__SETTLE_BATCH: worker.settle_batch must be a whole number, not "many"
    "#);
}

#[test]
fn what_an_account_lacks_is_listed() {
    insta::assert_snapshot!(message(&with("[accounts.second]"), &[]), @r"
    3 things are wrong with the configuration
      neither accounts.second.api_key nor accounts.second.api_key_file is set
      accounts.second.base_url is not set
      accounts.second.provider is not set
    ");
}

#[test]
fn a_file_that_is_not_toml_does_not_show_its_line() {
    let shown = message("[database]\nurl = \"postgres://u:pa55word@h", &[]);
    insta::assert_snapshot!(shown, @r#"mandated.toml: this is not TOML: line 2: invalid basic string, expected `"`"#);
    let missing = Config::load_with(Some("no/such.toml".as_ref()), NOTHING).unwrap_err();
    insta::assert_snapshot!(missing, @"no/such.toml: cannot read the configuration file: No such file or directory (os error 2)");
}

#[test]
fn connection_options_are_on_a_list_and_no_secret_in_them_is_repeated() {
    let key = "MANDATED__DATABASE__URL";
    let url = |options: &str| format!("postgres://app@127.0.0.1/shop{options}");
    for allowed in [
        "",
        "?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "?sslmode=require&sslcert=/etc/a.pem&sslkey=/etc/a.key",
        "?host=/run/postgresql&port=5433&user=app&dbname=shop",
    ] {
        good(&[(key, &url(allowed))]);
    }
    for (refused, word) in [
        ("?sslpassword=hunter2", "sslpassword"),
        (
            "?options=-c%20synchronous_commit%3Doff%20hunter2",
            "alter role",
        ),
        ("?application_name=hunter2", "worker.id"),
        ("?sslmode=hunter2", "verify-full"),
        ("?hunter2", "%3F"),
        ("?hunter2=1", "%3F"),
    ] {
        let said = message(GOOD, &[(key, &url(refused))]);
        assert!(
            said.contains("database.url") && said.contains(word),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_list_of_servers_wants_the_one_that_takes_writes() {
    let key = "MANDATED__DATABASE__URL";
    for allowed in [
        "postgres://app:hunter2@h1:1,h2:2/shop",
        "postgres://app:hunter2@h1,[::1]:2,h3:3/shop?target_session_attrs=read-write&sslmode=require",
        "postgres://app:hunter2@h1:1,h2:2/shop?target_session_attrs=primary",
        "postgres://app:hunter2@h1:1/shop?target_session_attrs=read-write",
    ] {
        good(&[(key, allowed)]);
    }
    for (refused, word) in [
        ("h1:1,h2:2/shop?target_session_attrs=any", "read-write"),
        ("h1:1,h2:2/shop?target_session_attrs=hunter2", "read-write"),
        ("h1:1,,h2:2/shop", "several servers"),
        ("h1:1,h2:2,/shop", "several servers"),
        ("h1:1,h2:hunter2/shop", "several servers"),
        ("h1:1,h2:2/shop?port=3", "before the slash"),
        ("h1:1/shop?host=h2,h3", "before the slash"),
    ] {
        let said = message(GOOD, &[(key, &format!("postgres://app:hunter2@{refused}"))]);
        assert!(
            said.contains("database.url") && said.contains(word),
            "{refused}: {said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    let said = message(GOOD, &[(key, "postgres://h1:1,/shop")]);
    assert!(said.contains("a comma between servers"), "{said}");
}

#[test]
fn an_address_past_the_pooler_wants_a_pooler() {
    let direct = (
        "MANDATED__DATABASE__DIRECT_URL",
        "postgres://app:hunter2@h1:1/shop",
    );
    good(&[direct, ("MANDATED__DATABASE__POOLER", "transaction")]);
    for (variables, word) in [
        (vec![direct], "database.pooler"),
        (
            vec![("MANDATED__DATABASE__POOLER", "session")],
            "none, transaction",
        ),
        (
            vec![
                ("MANDATED__DATABASE__POOLER", "transaction"),
                (
                    "MANDATED__DATABASE__DIRECT_URL",
                    "mysql://app:hunter2@h1:1/shop",
                ),
            ],
            "database.direct_url must start with postgres://",
        ),
    ] {
        let said = message(GOOD, &variables);
        assert!(said.contains(word) && !said.contains("hunter2"), "{said}");
    }
}
