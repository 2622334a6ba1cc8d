//! Accounts, and what the rails must grant them.

use secrecy::ExposeSecret;

use super::super::{Account, Config};
use super::{Checks, show};
use crate::domain::{ProviderKind, Rail, identifier};

pub(super) fn check(config: &Config, checks: &mut Checks<'_>) {
    for (name, account) in &config.accounts {
        let earlier = config
            .accounts
            .iter()
            .take_while(|(other, _)| *other != name);
        for (other, same) in earlier {
            apart(name, account, (other, same), checks);
        }
        alone(&format!("accounts.{name}"), account, checks);
        with_rails(name, account, config, checks);
    }
}

/// Two accounts are two merchants.
fn apart(name: &str, account: &Account, (other, same): (&str, &Account), checks: &mut Checks<'_>) {
    let is_apart = account.merchant() != same.merchant();
    checks.require(is_apart, &format!("accounts.{name}.merchant_id"), || {
        format!(
            "is the merchant of accounts.{other} ({}): each mandate could be debited under both names; keep one account, or give \
             each its own merchant_id if they are two merchants",
            same.merchant()
        )
    });
    // Whatever the address: a provider has other names, and so has a proxy before it.
    let key = |account: &Account| account.api_key.expose_secret().trim().to_owned();
    let same_key = account.provider == same.provider && key(account) == key(same);
    checks.require(!(is_apart && same_key), &format!("accounts.{name}.api_key"), || {
        format!("is the key of accounts.{other}, so both are one merchant: keep one of them, or correct the key")
    });
}

fn alone(prefix: &str, account: &Account, checks: &mut Checks<'_>) {
    let key = |name: &str| format!("{prefix}.{name}");
    checks.lasting(&key("timeout"), account.timeout);
    checks.lasting(&key("pause_after_refusal"), account.pause_after_refusal);
    checks.positive(&key("max_in_flight"), account.max_in_flight);
    checks.positive(&key("tps"), account.tps);
    let url = &account.base_url;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    checks.require(plain, &key("base_url"), || {
        "must be an address only: no user, password, query or fragment (it is not shown)".to_owned()
    });
    let private = url.scheme() == "https" || (url.scheme() == "http" && account.is_loopback());
    checks.require(private || !plain, &key("base_url"), || {
        format!(
            "({url}) must start with https://: the key goes with every call; http:// is for \
             this machine only"
        )
    });
    let merchant =
        account.provider != ProviderKind::Juspay || !account.merchant_id.trim().is_empty();
    checks.require(merchant, &key("merchant_id"), || {
        format!(
            "is not set, and {} is juspay, which wants it with every call",
            key("provider")
        )
    });
    if let Err(why) = identifier::check_merchant(&account.merchant_id) {
        checks.require(false, &key("merchant_id"), || why.to_string());
    }
}

fn with_rails(name: &str, account: &Account, config: &Config, checks: &mut Checks<'_>) {
    let timeout_key = format!("accounts.{name}.timeout");
    let provider = account.provider;
    let horizon = config.providers.get(provider).retry_horizon;
    for rail in Rail::ALL {
        let rules = config.rails.get(*rail);
        let processing = rules.processing_time;
        checks.require(
            processing > account.timeout,
            &format!("rails.{rail}.processing_time"),
            || {
                format!(
                    "({}) must be longer than {timeout_key} ({}): a call could still be under way \
                     when it is taken for lost",
                    show(processing),
                    show(account.timeout)
                )
            },
        );
        let recheck = rules.recheck_after;
        checks.require(
            recheck > horizon,
            &format!("rails.{rail}.recheck_after"),
            || {
                format!(
                    "({}) must be longer than providers.{provider}.retry_horizon ({}): until then \
                     the provider may still collect",
                    show(recheck),
                    show(horizon)
                )
            },
        );
    }
}
