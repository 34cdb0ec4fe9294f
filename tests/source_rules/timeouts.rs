//! Rule: what the values of a `timeout_ns` mean is known to src/base/time.rs alone.
//!
//! Elsewhere a timeout is passed on, given to `Deadline::after` or `is_timeout`, or compared with 0 or
//! IPC_FOREVER for equality. A call that compared it in another way would refuse or misread deadlines.

use crate::source::*;

const ORDERS: [char; 2] = ['<', '>'];

fn timeouts_are_decoded_in_one_place(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    if source.path.ends_with("src/base/time.rs") {
        return complaints;
    }
    each_level(&source.tokens(true), &mut |tokens| {
        for at in 0..tokens.len() {
            if !is_ident(tokens.get(at), "timeout_ns") {
                continue;
            }
            let line = tokens[at].span().start().line;
            let is_order = |token| ORDERS.iter().any(|&order| is_punct(token, order));
            // `->` and `=>` before a name are no comparisons.
            let follows_arrow = at >= 2
                && ['-', '=']
                    .iter()
                    .any(|&dash| is_punct(tokens.get(at - 2), dash));
            let is_before = is_order(tokens.get(at + 1));
            let follows_order_or_equal =
                at >= 2 && is_punct(tokens.get(at - 1), '=') && is_order(tokens.get(at - 2));
            let follows_order = at >= 1 && is_order(tokens.get(at - 1)) && !follows_arrow;
            let is_after = follows_order || follows_order_or_equal;
            let calls_method = is_punct(tokens.get(at + 1), '.');
            if is_before || is_after || calls_method {
                complaints.push(source.complaint(
                    line,
                    "looks into timeout_ns: use Deadline::after or is_timeout of base::time",
                ));
            }
        }
    });
    complaints
}

#[test]
fn timeouts_mean_the_same_in_every_call() {
    hold_all_to(timeouts_are_decoded_in_one_place);
}

#[test]
fn a_call_that_looks_into_its_timeout_is_refused() {
    for text in [
        "fn f(timeout_ns: i64) { if timeout_ns < IPC_FOREVER { g() } }",
        "fn f(timeout_ns: i64) { if -1 >= timeout_ns { g() } }",
        "fn f(timeout_ns: i64) { g!(timeout_ns.max(0)) }",
    ] {
        assert_refused(
            timeouts_are_decoded_in_one_place,
            "src/ffi/x.rs",
            text,
            "looks into",
        );
    }
    for text in [
        "fn f(timeout_ns: i64) { g(timeout_ns != 0, Deadline::after(timeout_ns)) }",
        "fn f(timeout_ns: i64) { match a { b => timeout_ns } }",
    ] {
        assert_accepted(timeouts_are_decoded_in_one_place, "src/ffi/x.rs", text);
    }
}

/// Every export that has a timeout gives it away: to `Deadline::after`, or to a function below src/ffi that
/// gets it whole.
fn timeouts_are_used(source: &Source) -> Complaints {
    let mut complaints = Vec::new();
    each_level(&source.tokens(true), &mut |tokens| {
        for at in 0..tokens.len() {
            if is_ident(tokens.get(at), "_timeout_ns") {
                let line = tokens[at].span().start().line;
                complaints.push(source.complaint(line, "ignores its timeout"));
            }
        }
    });
    complaints
}

#[test]
fn no_call_ignores_its_timeout() {
    hold_all_to(timeouts_are_used);
}

#[test]
fn an_ignored_timeout_is_refused() {
    assert_refused(
        timeouts_are_used,
        "src/ffi/x.rs",
        "fn f(_timeout_ns: i64) {}",
        "ignores",
    );
}
