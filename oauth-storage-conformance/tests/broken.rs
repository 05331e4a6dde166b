//! Each of the broken stores fails the suite, by these checks at least, and each of these says which sentence of the contract is
//! broken.

#![expect(clippy::panic, reason = "these are tests, their helpers too")]

use std::collections::HashMap;

use oauth_storage_conformance::{
    broken::*,
    checks,
    crash::{self, what_was_acknowledged_survives_an_interruption},
    run,
};

macro_rules! tests {
    ($($test:ident: $mistake:ident => $($check:ident),+;)*) => {$(
        #[test]
        fn $test() {
            assert_fails::<$mistake>(&[$(stringify!($check)),+]);
        }
    )*};
}

tests! {
    find_then_mark: FindThenMark => one_winner_among_concurrent_commits,
        one_winner_among_refreshes_of_one_grant,
        concurrent_histories_are_linearizable;
    last_write_wins: LastWriteWins => concurrent_histories_are_linearizable,
        a_failed_expectation_applies_nothing,
        one_winner_among_concurrent_commits,
        random_commits_agree_with_the_model;
    one_by_one: OneByOne => concurrent_histories_are_linearizable,
        a_failed_expectation_applies_nothing,
        a_dropped_commit_happened_or_did_not,
        one_winner_among_concurrent_commits;
    lost_guard: LostGuard => concurrent_histories_are_linearizable,
        a_failed_expectation_applies_nothing,
        one_winner_among_commits_that_guard_what_the_other_changes;
    skips_guards_alone: SkipsGuardsAlone => a_commit_of_guards_alone_is_still_committed;
    early_guard: EarlyGuard => one_winner_among_commits_that_guard_what_the_other_changes;
    exclusive_guard: ExclusiveGuard => guards_that_only_guard_do_not_exclude_each_other;
    upgrades_locks: UpgradesLocks => one_winner_among_refreshes_of_one_grant;
    own_versions: OwnVersions => versions_are_the_ids_of_commits,
        a_server_keeps_its_promises_whichever_call_fails;
    end_in_two_steps: EndInTwoSteps => ending_a_family_excludes_concurrent_additions,
        concurrent_histories_are_linearizable;
    end_if_unchanged: EndIfUnchanged => ending_a_family_excludes_concurrent_replacements;
    end_without_a_time: EndWithoutATime => an_end_names_when_its_anchor_may_be_forgotten,
        random_commits_agree_with_the_model,
        concurrent_histories_are_linearizable;
    end_that_keeps: EndThatKeeps => an_end_names_when_its_anchor_may_be_forgotten,
        random_commits_agree_with_the_model,
        concurrent_histories_are_linearizable;
    join_unchecked: JoinUnchecked => a_put_into_an_ended_family_conflicts,
        a_put_into_a_family_without_an_anchor_conflicts,
        a_closed_anchor_stays_closed_when_it_is_replaced,
        ending_a_family_excludes_concurrent_additions;
    anchor_first: AnchorFirst => a_family_can_be_opened_and_joined_in_one_commit;
    reads_the_clock: ReadsTheClock => time_alone_forgets_nothing;
    never_prunes: NeverPrunes => a_table_in_steady_state_does_not_grow;
    prunes_all: PrunesAll => a_commit_prunes_at_most_twice_what_it_puts,
        a_commit_prunes_nothing_that_it_needs,
        a_failed_expectation_applies_nothing;
    prunes_late: PrunesLate => prune_drops_what_may_be_forgotten_and_nothing_else;
    prunes_what_it_saw: PrunesWhatItSaw => a_record_whose_time_is_put_off_is_not_pruned;
    folds_names: FoldsNames => listing_compares_names_as_bytes;
    wants_a_client: WantsAClient => an_owner_has_a_client_a_subject_or_both,
        random_commits_agree_with_the_model;
    pages_by_position: PagesByPosition => a_record_that_stays_is_listed_once;
    lists_all_kinds: ListsAllKinds => listing_keeps_realms_and_kinds_apart;
    cached: Cached => concurrent_histories_are_linearizable,
        there_are_no_stale_reads,
        random_commits_agree_with_the_model;
    text_bodies: TextBodies => bodies_are_kept_byte_for_byte;
    in_any_order: InAnyOrder => several_load_as_each_alone;
    loses_connections: LosesConnections => a_dropped_question_takes_nothing_with_it;
}

/// Runs the whole suite over a broken store.
fn assert_fails<M: Mistake>(expected: &[&str]) {
    let mut failed = HashMap::new();
    for check in checks() {
        let said = failure(move || run((check.run)(&Broken::<M>::default)));
        failed.extend(said.map(|said| (check.name, said)));
    }
    for name in expected {
        let said = failed
            .get(name)
            .unwrap_or_else(|| panic!("{name} does not see the fault; these do: {failed:?}"));
        assert!(said.contains("\n  contract: "), "{name} says only: {said}");
    }
}

/// What a check says if it fails.
fn failure(check: impl FnOnce() + Send + 'static) -> Option<String> {
    let panic = std::thread::spawn(check).join().err()?;
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let said = panic.downcast_ref::<String>().cloned().or(text);
    Some(said.unwrap_or_default())
}

/// What is wrong with a log is seen in a crash only.
#[test]
fn bad_log() {
    for writes in [Writes::Late, Writes::InParts] {
        let said = failure(move || {
            crash::run(async || {
                let store = BadLog::new(writes);
                let interrupt = async || store.crash().await;
                what_was_acknowledged_survives_an_interruption(&store, interrupt).await;
            });
        });
        let said = said.unwrap_or_else(|| panic!("{writes:?}: no crash was seen"));
        assert!(said.contains("\n  contract: "), "{writes:?}: {said}");
    }
}
