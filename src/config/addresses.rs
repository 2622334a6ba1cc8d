//! An address that names several servers, as libpq reads it, and the address of each.

/// Says only which of the servers is wanted: the one that takes writes.
pub(super) const WANTED: &str = "target_session_attrs";

/// `postgres://user@h1:1,h2:2/db?…` is `postgres://user@h1:1/db?…` and `postgres://user@h2:2/db?…`.
pub fn addresses(url: &str) -> Vec<String> {
    let (address, options) = url.split_once('?').unwrap_or((url, ""));
    let options: Vec<&str> = options
        .split('&')
        .filter(|option| !option.is_empty() && option.split('=').next() != Some(WANTED))
        .collect();
    let options = if options.is_empty() {
        String::new()
    } else {
        format!("?{}", options.join("&"))
    };
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (authority, database) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let (user, hosts) = match authority.rfind('@') {
        Some(at) => authority.split_at(at.saturating_add(1)),
        None => ("", authority),
    };
    let of_one = |host| format!("{scheme}://{user}{host}{database}{options}");
    hosts.split(',').map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_an_address_of_its_own() {
        let all = "postgres://us,er:p%2C@h1:1,[::1]:2,h3/db?target_session_attrs=read-write&sslmode=require";
        assert_eq!(
            addresses(all),
            [
                "postgres://us,er:p%2C@h1:1/db?sslmode=require",
                "postgres://us,er:p%2C@[::1]:2/db?sslmode=require",
                "postgres://us,er:p%2C@h3/db?sslmode=require",
            ]
        );
        for one in [
            "postgres://h1",
            "postgres:///db?host=/run/postgresql",
            "postgresql://u:p@h1:1/db",
        ] {
            assert_eq!(addresses(one), [one]);
        }
    }
}
