//! One merchant has one account, whatever the way to write him. Two accounts of one merchant would debit each mandate twice.

use super::{GOOD, load};

/// What is wrong with a second account beside one at an address, with a key of its own; nothing if both are taken.
fn beside(first: (&str, &str), second: (&str, &str)) -> String {
    let account = |name: &str, (url, merchant): (&str, &str)| {
        format!(
            "[accounts.{name}]\nprovider = \"juspay\"\nbase_url = {url:?}\nmerchant_id = {merchant:?}\napi_key = \"key of {name}\"\n"
        )
    };
    let database = "[database]\nurl = \"postgres://mandated@db.internal/merchant\"\n";
    let text = [
        database,
        &account("first", first),
        &account("second", second),
    ]
    .concat();
    load(&text, &[]).map_or_else(|errors| errors.to_string(), |_| String::new())
}

#[test]
fn one_merchant_in_two_spellings_is_one_merchant() {
    for (first, spellings) in [
        (
            "http://127.0.0.1:9190/eNach",
            &[
                "http://localhost:9190/eNach",
                "http://LocalHost.:9190/eNach/",
                "http://[::1]:9190/eNach",
                "http://127.0.0.2:9190/eNach",
                "http://127.1:9190/eNach",
                "http://0x7f000001:9190/eNach",
                "https://[::ffff:127.0.0.1]:9190/eNach",
                "https://[::ffff:7f00:3]:9190/eNach",
                "https://127.0.0.1:9190/eNach",
                "https://0.0.0.0:9190/eNach",
                "https://[::]:9190/eNach",
                "https://sandbox.localhost:9190/eNach",
                "https://ip6-localhost:9190/eNach",
                "http://127.0.0.1:9190//eNach",
                "http://127.0.0.1:9190/enach",
                "http://127.0.0.1:9190/%65Nach",
                "http://127.0.0.1:9190/%2565Nach",
                "http://127.0.0.1:9190/%2FeNach%2f",
                "http://127.0.0.1:9190/./eNach/.",
                "http://127.0.0.1:9190/x/../eNach",
                "http://127.0.0.1:9190/x/%252e%252E/eNach",
                "http://127.0.0.1:9190\\eNach",
                "http://127.0.0.1:9190/eNach;v=1",
            ][..],
        ),
        (
            "https://api.juspay.in",
            &[
                "https://API.Juspay.in:443/",
                "https://api.juspay.in.",
                "https://api.juspay.in///",
                "https://api.juspay.in/%2e/",
                "https://api.jusp%61y.in",
                "https://api.juspa\u{ff59}.in",
            ],
        ),
        (
            "https://203.0.113.7/",
            &["https://[::ffff:203.0.113.7]", "https://203.0.28935"],
        ),
    ] {
        for second in spellings {
            let why = beside((first, "shop"), (second, "SHOP"));
            assert!(
                why.contains("accounts.second.merchant_id is the merchant of accounts.first"),
                "{second}: {why}"
            );
        }
    }
}

#[test]
fn two_merchants_are_two() {
    let one = ("https://api.juspay.in/v2", "shop");
    for other in [
        ("https://api.juspay.in/v2", "shop2"),
        ("https://api.juspay.in/v3", "shop"),
        ("https://api.juspay.in:8443/v2", "shop"),
        ("https://api.juspay.in/v2/eNach", "shop"),
        ("https://sandbox.juspay.in/v2", "shop"),
        ("https://127.0.0.1/v2", "shop"),
    ] {
        assert_eq!(beside(one, other), "", "{other:?}");
    }
    let here = ("http://127.0.0.1:9190", "shop");
    assert_eq!(beside(here, ("http://127.0.0.1:9191", "shop")), "");
    assert_eq!(beside(here, ("http://127.0.0.1:9190", "shop2")), "");
}

/// Whatever leads to him: another name of his host, or a proxy.
#[test]
fn one_key_at_two_addresses_is_one_merchant() {
    let second = "[accounts.second]\nprovider = \"juspay\"\nbase_url = \"https://proxy.internal/juspay\"\nmerchant_id = \"acme2\"\n\
                  api_key = \"k3y-of-the-merchant\"\n";
    let errors = load(&format!("{GOOD}{second}"), &[]).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "accounts.second.api_key is the key of accounts.juspay_main, so both are one merchant: keep one of them, or correct the key"
    );
}

#[test]
fn a_merchant_id_is_printable_ascii_without_blanks() {
    for (id, why) in [
        ("аcme", "has the character 'а' (U+0430)"),
        ("ACMΕ", "has the character 'Ε' (U+0395)"),
        ("ac\u{301}me", "(U+0301)"),
        ("ａcme", "(U+FF41)"),
        ("ac me", "has a space in it"),
        (" acme", "has a space in it"),
        ("acme ", "has a space in it"),
        ("acme\t", "U+0009 CHARACTER TABULATION"),
        ("ac\u{200b}me", "U+200B ZERO WIDTH SPACE"),
        ("acme\u{a0}", "U+00A0 NO-BREAK SPACE"),
        ("acme\u{7f}", "U+007F DELETE"),
    ] {
        let errors = load(
            GOOD,
            &[("MANDATED__ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID", id)],
        )
        .expect_err(id)
        .to_string();
        assert!(
            errors.starts_with("accounts.juspay_main.merchant_id \""),
            "{id:?}: {errors}"
        );
        assert!(errors.contains(why), "{id:?}: {errors}");
        assert!(!errors.contains(['\u{200b}', '\u{a0}', '\t']), "{errors:?}");
    }
    for id in ["acme", "Acme_2-in.test", "a+b@c:d/e"] {
        load(
            GOOD,
            &[("MANDATED__ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID", id)],
        )
        .unwrap();
    }
}

#[test]
fn an_address_has_neither_a_user_nor_a_query_nor_a_fragment() {
    for url in [
        "https://user@api.juspay.in",
        "https://user:word@api.juspay.in",
        "https://:word@api.juspay.in",
        "https://api.juspay.in/?",
        "https://api.juspay.in?shop=1",
        "https://api.juspay.in/#",
        "https://api.juspay.in/#2",
    ] {
        let errors =
            load(GOOD, &[("MANDATED__ACCOUNTS__JUSPAY_MAIN__BASE_URL", url)]).expect_err(url);
        assert_eq!(
            errors.to_string(),
            "accounts.juspay_main.base_url must be an address only: no user, password, query or fragment (it is not shown)",
            "{url}"
        );
    }
}

/// Only who is one and the same is compared in another form than what is called.
#[test]
fn what_is_called_is_what_was_configured() {
    let config = load(
        GOOD,
        &[
            (
                "MANDATED__ACCOUNTS__JUSPAY_MAIN__BASE_URL",
                "https://api.juspay.in//eNach/%41",
            ),
            ("MANDATED__ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID", "Acme"),
        ],
    )
    .unwrap();
    let account = &config.accounts["juspay_main"];
    assert_eq!(
        account.base_url.as_str(),
        "https://api.juspay.in//eNach/%41"
    );
    assert_eq!(account.merchant_id, "Acme");
    assert_eq!(
        account.merchant(),
        "juspay https://api.juspay.in/enach/a acme"
    );
}
