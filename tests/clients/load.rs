//! `keyward bench` is a client, too.

use crate::message::*;
use crate::server;

const MEASURED: &str =
    "query,locate-name,encrypt-gcm-4k,sign-p256,connect-resumed,batch-create-10,lifecycle";

#[test]
fn it_measures_what_it_is_asked_for_and_leaves_nothing() {
    let server = server::shared();
    let address = format!("127.0.0.1:{}", server.port);
    let words = [
        &[
            "bench",
            "--json",
            "--server",
            &address,
            "--operations",
            MEASURED,
        ][..],
        &[
            "--connections",
            "2",
            "--seconds",
            "0.4",
            "--warm-up",
            "0",
            "--keys",
            "3",
        ],
        &["--rate", "half", "--echo"],
    ];
    let said = server.keyward(&words.concat(), "");
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    let rows = report["operations"].as_array().unwrap();
    assert_eq!(rows.len(), MEASURED.split(',').count());
    for (row, name) in rows.iter().zip(MEASURED.split(',')) {
        assert_eq!(row["operation"], name);
        for part in [row, &row["echo"], &row["paced"]] {
            assert!(part["requests_per_second"].as_f64() > Some(0.0), "{row}");
            assert!(part["p50_us"].as_f64() <= part["p99_us"].as_f64(), "{row}");
            assert_eq!(
                part["errors"].as_object().map(serde_json::Map::len),
                Some(0),
                "{row}"
            );
        }
    }
    let per_second = |row: usize, figure: &str| rows[row][figure].as_f64().unwrap();
    let tenfold = per_second(5, "items_per_second") / per_second(5, "requests_per_second");
    assert!((tenfold - 10.0).abs() < 1e-6, "{}", rows[5]);
    let fifth = per_second(6, "iterations_per_second") / per_second(6, "requests_per_second");
    assert!((fifth - 0.2).abs() < 1e-6, "{}", rows[6]);

    let mut client = server.connect();
    let named = format!("keyward-bench-{}-0", report["run"].as_str().unwrap());
    assert_eq!(client.locate(V1_4, vec![name(&named)]), [""; 0]);
}

#[test]
fn it_says_what_it_cannot_measure() {
    let server = server::shared();
    let address = format!("127.0.0.1:{}", server.port);
    let said = server.keyward(
        &["bench", "--server", &address, "--operations", "derive"],
        "",
    );
    assert!(
        said.contains("derive") && said.contains("refused: name a derivation master"),
        "{said}"
    );
}
