#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
use super::*;
use crate::audit::Audit;

async fn store() -> Arc<Store> {
    Arc::new(Store::open("sqlite::memory:").await.unwrap())
}

async fn bodies(store: &Store) -> Vec<(i64, String)> {
    let rows = store.audit("n", 0, 1000).await.unwrap();
    rows.into_iter()
        .map(|row| (row.sequence, String::from_utf8(row.body).unwrap()))
        .collect()
}

fn line(text: &'static str) -> impl FnOnce(&mut Vec<u8>) {
    move |body| body.extend_from_slice(text.as_bytes())
}

async fn commit(store: &Store, ticket: &Ticket, body: &[u8]) {
    let audit = vec![row("n", ticket.sequence(), body)];
    store
        .apply(Commit {
            changes: Vec::new(),
            audit,
        })
        .await
        .unwrap();
}

fn void() -> String {
    String::from_utf8(VOID.to_vec()).unwrap()
}

#[tokio::test]
async fn an_intent_has_a_lower_number_than_the_outcome_that_is_written_before_it() {
    let store = store().await;
    let spool = Spool::start(Arc::clone(&store), "n".into(), 1);
    spool.write(line("intent "));
    let ticket = spool.ticket();
    commit(&store, &ticket, b"outcome").await;
    ticket.used();
    spool.write(line("read"));
    spool.flush().await;
    assert_eq!(
        bodies(&store).await,
        [(1, "intent read".into()), (2, "outcome".into())]
    );
    assert_eq!(spool.head(), 2);
}

#[tokio::test]
async fn records_are_written_without_being_asked_for() {
    let store = store().await;
    let spool = Spool::start(Arc::clone(&store), "n".into(), 5);
    spool.write(line("read"));
    tokio::time::sleep(WAIT * 5).await;
    assert_eq!(bodies(&store).await, [(5, "read".into())]);
    spool.write(line("last"));
    drop(spool);
    tokio::time::sleep(WAIT).await;
    assert_eq!(bodies(&store).await.len(), 2);
}

#[tokio::test]
async fn a_number_that_was_taken_does_not_stay_empty() {
    let store = store().await;
    let spool = Spool::start(Arc::clone(&store), "n".into(), 1);
    // Cut off; failed; committed though its request was cut off; committed, but it looked failed.
    drop(spool.ticket());
    spool.ticket().write(b"failed".to_vec());
    let committed = spool.ticket();
    commit(&store, &committed, b"done").await;
    drop(committed);
    let unclear = spool.ticket();
    commit(&store, &unclear, b"done as well").await;
    unclear.write(b"no answer".to_vec());
    spool.flush().await;
    let expected: [(i64, String); 5] = [
        (1, void()),
        (2, "failed".into()),
        (3, "done".into()),
        (4, "done as well".into()),
        (5, "no answer".into()),
    ];
    assert_eq!(bodies(&store).await, expected);
}

#[tokio::test]
async fn requests_wait_while_there_is_no_room() {
    let store = store().await;
    let spool = Spool::with_depth(Arc::clone(&store), "n".into(), 1, 10);
    spool.admit().await.unwrap();
    spool.write(line("more than ten bytes"));
    assert!(tokio::time::timeout(WAIT / 2, spool.admit()).await.is_err());
    spool.admit().await.unwrap();
    assert_eq!(bodies(&store).await.len(), 1);
    let closed = Spool::with_depth(store, "m".into(), 1, 0);
    assert_eq!(closed.admit().await, Err(Full));
}

#[tokio::test]
async fn a_start_fills_what_a_crash_left_empty() {
    let store = store().await;
    let rows = [1, 2, 5, 7].map(|sequence| row("n", sequence, b"row"));
    store
        .apply(Commit {
            changes: Vec::new(),
            audit: rows.to_vec(),
        })
        .await
        .unwrap();
    let open = |sealed| Audit::open(Arc::clone(&store), "n".into(), sealed, false);
    // What is in doubt is left as it is.
    assert_eq!(open(None).await.unwrap().head(), 7);
    assert_eq!(bodies(&store).await.len(), 4);
    assert_eq!(open(Some(4)).await.unwrap().head(), 7);
    let sequences =
        |bodies: Vec<(i64, String)>| bodies.into_iter().map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(sequences(bodies(&store).await), [1, 2, 5, 6, 7]);
    open(Some(0)).await.unwrap();
    let all = bodies(&store).await;
    assert_eq!(sequences(all.clone()), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!((all[2].1.clone(), all[4].1.clone()), (void(), "row".into()));
    // Never a number again that was signed, whatever became of its row.
    assert_eq!(open(Some(20)).await.unwrap().head(), 20);
}

#[tokio::test]
async fn a_row_far_ahead_is_refused_not_reached() {
    let store = store().await;
    let audit = vec![row("n", i64::MAX - 1, b"row")];
    store
        .apply(Commit {
            changes: Vec::new(),
            audit,
        })
        .await
        .unwrap();
    let refused = Audit::open(store, "n".into(), Some(0), false).await;
    assert!(
        matches!(refused, Err(StoreError::Damaged(_))),
        "{refused:?}"
    );
}
