//! Killed where no undisturbed story comes by: while a lost worker's job is taken back, and between two attempts to connect.

use super::daemon::{agree, killed, leases_end, lives_to_the_end, received, start};
use super::everywhere::PLANNED;

/// The awaits that these stories come by.
pub(crate) const AWAITS: [&str; 6] = [
    "again",
    "rescue.begin",
    "rescue.clock",
    "rescue.commit",
    "rescue.lock",
    "rescue.write",
];

#[tokio::test]
async fn a_rescue_that_is_lost_too() {
    let prepared = PLANNED.prepared().await;
    let awaits = AWAITS.iter().filter(|name| name.starts_with("rescue"));
    let points = awaits.flat_map(|name| [format!("{name}.before"), format!("{name}.after")]);
    for point in points {
        let mut shop = PLANNED.open(&prepared).await;
        let mut daemon = start(&shop, "send.after=return");
        killed(&mut daemon).await;
        leases_end(&mut shop).await;
        let mut daemon = start(&shop, &format!("{point}=return"));
        let passed = killed(&mut daemon).await;
        assert_eq!(passed.last().unwrap(), &point);
        leases_end(&mut shop).await;
        let mut daemon = start(&shop, "");
        lives_to_the_end(&mut daemon).await;
        agree(&shop, PLANNED.ends).await;
    }
}

#[tokio::test]
async fn a_call_that_could_not_connect() {
    let prepared = PLANNED.prepared().await;
    for point in ["again.before", "again.after"] {
        let mut shop = PLANNED.open(&prepared).await;
        let url = "MANDATED__ACCOUNTS__JUSPAY_MAIN__BASE_URL";
        let right = shop.get(url);
        shop.set(url, "http://127.0.0.1:1");
        let mut daemon = start(&shop, &format!("{point}=return"));
        let passed = killed(&mut daemon).await;
        assert_eq!(passed.last().unwrap(), point);
        assert_eq!(received(&shop.ledger().await), 0);
        shop.set(url, &right);
        leases_end(&mut shop).await;
        let mut daemon = start(&shop, "");
        lives_to_the_end(&mut daemon).await;
        agree(&shop, PLANNED.ends).await;
    }
}
