//! The list of all checks, and the macro that makes tests of them.

use std::pin::Pin;

use crate::Harness;

/// One check, for whoever wants to run them without [`tests!`](crate::tests).
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The name of its function.
    pub name: &'static str,
    /// Runs it; it panics if the store fails.
    pub run: for<'a> fn(&'a dyn Harness) -> Running<'a>,
}

/// A check that runs.
pub type Running<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Hands the names of all checks to another macro, after what is given for it.
#[doc(hidden)]
#[macro_export]
macro_rules! for_all_checks {
    ($($then:ident)::+ ! ($($given:tt)*)) => {
        $($then)::+! {
            ($($given)*)
            // Reading
            a_record_loads_as_it_was_put
            what_is_not_there_loads_as_none
            realms_and_kinds_keep_records_apart
            bodies_are_kept_byte_for_byte
            there_are_no_stale_reads
            several_load_as_each_alone
            // Committing
            everything_in_a_commit_happens
            a_failed_expectation_applies_nothing
            a_guard_that_holds_lets_the_commit_happen
            a_commit_of_guards_alone_is_still_committed
            expectations_are_of_what_stood_before_the_commit
            versions_are_the_ids_of_commits
            a_replacement_changes_role_owner_and_forget_at
            one_winner_among_concurrent_commits
            one_winner_among_refreshes_of_one_grant
            one_winner_among_commits_that_guard_what_the_other_changes
            guards_that_only_guard_do_not_exclude_each_other
            concurrent_commits_do_not_mix
            concurrent_commits_in_any_order_of_keys_finish
            a_dropped_commit_happened_or_did_not
            a_dropped_question_takes_nothing_with_it
            // Families
            a_put_into_an_ended_family_conflicts
            a_put_into_a_family_without_an_anchor_conflicts
            a_family_can_be_opened_and_joined_in_one_commit
            a_closed_anchor_stays_and_has_a_new_version
            an_end_names_when_its_anchor_may_be_forgotten
            a_closed_anchor_stays_closed_when_it_is_replaced
            ending_a_family_removes_its_members_and_nothing_else
            ending_a_great_family_is_one_commit
            ending_a_closed_or_absent_family_changes_nothing
            ending_a_family_without_an_anchor_removes_its_members
            ending_a_family_excludes_concurrent_additions
            ending_a_family_excludes_concurrent_replacements
            // Forgetting
            time_alone_forgets_nothing
            prune_drops_what_may_be_forgotten_and_nothing_else
            a_commit_prunes_at_most_twice_what_it_puts
            a_commit_prunes_nothing_that_it_needs
            a_record_whose_time_is_put_off_is_not_pruned
            a_table_in_steady_state_does_not_grow
            // Listing
            listing_is_by_subject_or_by_client
            an_owner_has_a_client_a_subject_or_both
            listing_keeps_realms_and_kinds_apart
            listing_compares_names_as_bytes
            listing_leaves_out_closed_anchors
            pages_are_in_order_and_miss_nothing
            a_record_that_stays_is_listed_once
            // All of it
            random_commits_agree_with_the_model
            concurrent_histories_are_linearizable
            what_was_acknowledged_is_there_after_a_restart
            a_server_keeps_its_promises_whichever_call_fails
        }
    };
}

/// Makes a test of each check, of the stores that a [`Harness`] makes.
///
/// The expression is evaluated once for each test.
#[macro_export]
macro_rules! tests {
    ($harness:expr $(,)?) => {
        $crate::for_all_checks! { $crate::tests_of_checks! ($harness) }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! tests_of_checks {
    (($harness:expr) $($check:ident)*) => {$(
        #[test]
        fn $check() {
            let harness = $harness;
            if !$crate::Harness::is_missing(&harness) {
                $crate::run($crate::$check(&harness));
            }
        }
    )*};
}

macro_rules! list_of_checks {
    (() $($check:ident)*) => {
        [$(Check { name: stringify!($check), run: |harness| Box::pin(crate::$check(harness)) }),*]
    };
}

/// All checks, in the order of the contract.
pub fn checks() -> impl Iterator<Item = Check> {
    for_all_checks! { list_of_checks! () }.into_iter()
}
