//! The sandbox as a process: its file of mandates, its control over HTTP, its errors.

use std::path::Path;

use lab::sandbox::{SandboxArgs, read_mandates, run};

use super::*;

fn file(name: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    folder
}

fn read(folder: &tempfile::TempDir, name: &str) -> Result<Vec<Registration>, String> {
    let path: &Path = &folder.path().join(name);
    read_mandates(path, "signzy_main", day(1)).map_err(|error| error.to_string())
}

const HEADER: &str = "ref,account,mandate_id,customer_id,rail,notify,amount,max_amount,currency,frequency,cron,time_zone,starts_on,ends_on,debit_at,category,description,metadata";

#[test]
fn the_import_file_tells_the_sandbox_what_it_needs() {
    let folder = file(
        "mandates.csv",
        &format!(
            "{HEADER}\n\
             a,juspay_main,M1,c1,upi,separate,499.00,1000.00,INR,monthly,,Asia/Kolkata,2025-12-31,2026-03-31,08:30,,Gym,\n\
             b,signzy_main,77,c2,enach,provider,10,,INR,weekly,,Asia/Kolkata,2026-01-05,2026-01-20,07:00,,Milk,\n\
             c,other,78,c3,enach,provider,10,,INR,aspresented,,,2026-01-05,,,,Milk,\n"
        ),
    );
    let read = read(&folder, "mandates.csv").unwrap();
    assert_eq!(read[0].provider, ProviderKind::Juspay);
    assert_eq!(read[0].rail, Rail::Upi);
    assert_eq!(read[0].max_amount, Some(rupees("1000.00")));
    let days: Vec<String> = read[0].cycle_days.iter().map(ToString::to_string).collect();
    assert_eq!(days, ["2026-01-31", "2026-02-28", "2026-03-31"]);
    assert_eq!(read[1].provider, ProviderKind::Signzy);
    assert_eq!(read[1].cycle_days, [day(5), day(12), day(19)]);
    assert_eq!(read[1].max_amount, Some(rupees("10")));
    assert_eq!(read[2].provider, ProviderKind::Signzy);
    assert_eq!(read[2].cycle_days, []);
}

#[test]
fn json_lines_say_the_same_and_bad_rows_say_where() {
    let good = r#"{"ref":"a","account":"juspay_main","mandate_id":"M1","customer_id":"c1","rail":"card","notify":"none","amount":"499.00","category":"fastag","frequency":"aspresented","starts_on":"2026-01-01","metadata":{"udf1":"x"}}"#;
    let folder = file("mandates.jsonl", good);
    let mandates = read(&folder, "mandates.jsonl").unwrap();
    assert_eq!(mandates[0].category.as_deref(), Some("fastag"));
    assert_eq!(mandates[0].amount, Some(rupees("499.00")));

    for (from, to, why) in [
        (
            "\"card\"",
            "\"boat\"",
            "rail \"boat\" is not upi, card or enach",
        ),
        (
            "\"499.00\"",
            "\"free\"",
            "amount: \"free\" is not an amount",
        ),
        ("\"mandate_id\"", "\"mandate\"", "mandate_id is missing"),
        (
            "\"aspresented\"",
            "\"often\"",
            "frequency \"often\" is not known",
        ),
    ] {
        let folder = file(
            "mandates.jsonl",
            &format!("{good}\n{}", good.replace(from, to)),
        );
        let error = read(&folder, "mandates.jsonl").unwrap_err();
        assert!(error.contains("row 2") && error.contains(why), "{error}");
    }
    let error = read(&folder, "nothing.csv").unwrap_err();
    assert!(error.contains("nothing.csv"), "{error}");
}

#[tokio::test]
async fn a_taken_port_and_an_open_address_are_clear_errors() {
    let bench = Bench::open(Vec::new()).await;
    let options = |listen: &str| Options {
        listen: listen.parse().unwrap(),
        seed: 1,
        profile: Profile::PAYS,
        faults: Faults::NONE,
        juspay: Credentials {
            merchant_id: String::new(),
            api_key: String::new(),
        },
        signzy_key: String::new(),
        clock: Clock::System,
    };
    let taken = bench.sandbox.address().to_string();
    let error = start(options(&taken)).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("listen on {taken}: choose a free port with --listen")
    );
    let error = start(options("0.0.0.0:0")).await.unwrap_err().to_string();
    assert!(error.contains("loopback only"), "{error}");
    bench.sandbox.stop().await;
    start(options(&taken)).await.unwrap().stop().await;
}

#[tokio::test]
async fn another_process_registers_scripts_and_reads_the_ledger_over_http() {
    let bench = Bench::open(Vec::new()).await;
    assert_eq!(
        sent(bench.request("GET", "/healthz", "05 00:00"))
            .await
            .unwrap()
            .0,
        200
    );
    let lines = "{\"provider\":\"juspay\",\"mandate_id\":\"M1\",\"customer_id\":\"customer_1\",\"rail\":\"card\",\
                 \"notify\":\"none\",\"max_amount\":\"1000.00\",\"category\":\"fastag\",\
                 \"cycle_days\":[\"2026-01-20\",\"2026-01-05\"]}\n";
    let post = |path: &str, body: &str| {
        sent(
            bench
                .request("POST", path, "05 00:00")
                .body(body.to_owned()),
        )
    };
    let (status, text) = post("/sandbox/mandates", lines).await.unwrap();
    assert_eq!((status, text.as_str()), (200, "registered 1 mandates\n"));
    let (status, text) = post("/sandbox/mandates", &format!("{lines}{{}}\n"))
        .await
        .unwrap();
    assert_eq!(
        (status, text.starts_with("line 2: ")),
        (400, true),
        "{text}"
    );
    let step = r#"{"mandate_id":"M1","call":"execute","then":{"declines":"low_balance"}}"#;
    assert_eq!(post("/sandbox/script", step).await.unwrap().0, 200);
    let fault = r#"{"mandate_id":"M1","call":"order_status","then":{"fault":"throttled"}}"#;
    assert_eq!(post("/sandbox/script", fault).await.unwrap().0, 200);
    assert_eq!(
        post("/sandbox/script", &step.replace("M1", "M2"))
            .await
            .unwrap()
            .0,
        404
    );

    let (_, body) = json(bench.execute("05 08:30", "M1", "o1", &[]).await);
    assert_eq!(body["resp_code"], "INSUFFICIENT_BALANCE");
    assert_eq!(bench.order("05 08:40", "o1").await.unwrap().0, 429);
    bench.execute("05 08:50", "M1", "o2", &[]).await.unwrap();
    let (_, body) = json(sent(bench.request("GET", "/sandbox/ledger", "06 00:00")).await);
    let ledger: Ledger = serde_json::from_value(body).unwrap();
    assert_eq!(ledger.debits.len(), 1);
    assert_eq!(ledger.debits[0].cycle, day(5));
    assert_eq!(ledger.calls["POST /txns"], 2);
}

#[tokio::test]
async fn a_time_that_is_none_is_refused() {
    let bench = Bench::open(Vec::new()).await;
    let request = bench
        .http
        .get(bench.sandbox.base_url(ProviderKind::Juspay))
        .header("x-simulated-time", "noon");
    let (status, text) = sent(request).await.unwrap();
    assert_eq!(status, 400);
    assert!(text.contains("2026-01-05T09:00:00Z"));
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    sandbox: SandboxArgs,
}

#[tokio::test]
async fn the_command_says_where_it_listens_and_stops_when_told() {
    let row = "a,juspay_main,M1,c1,card,none,499.00,,INR,aspresented,,,2026-01-01,,,fastag,Toll,";
    let folder = file("mandates.csv", &format!("{HEADER}\n{row}\n"));
    let path = folder.path().join("mandates.csv");
    let args = |path: &str| {
        let args = ["sandbox", "--listen", "127.0.0.1:0", "--mandates", path];
        <Cli as clap::Parser>::try_parse_from(args).unwrap().sandbox
    };
    let mut out = Vec::new();
    run(args(path.to_str().unwrap()), &mut out, async {})
        .await
        .unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.starts_with("Juspay: http://127.0.0.1:"), "{out}");
    assert!(out.contains("/api/v3/eNach\nMandates known: 1."), "{out}");
    let error = run(args("nowhere.csv"), &mut Vec::new(), async {})
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "read mandates from nowhere.csv");
}
