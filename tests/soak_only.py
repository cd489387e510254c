"""Tests that `make test` leaves to `make soak`, so that it stays within minutes.

Each of them repeats, with other values or over more processes, what a test beside it shows in `make test`.
The test of a flaky service measures a rate, which means little beside other tests; scenarios judge it too.
A name is the beginning of pytest's name of the test.
"""

SOAK_ONLY = (
    "tests/benchmarks/test_bench_verdicts.py::test_a_verdict_takes_less_than_a_byte",
    "tests/cli/test_live_hint.py::test_its_command_runs",
    "tests/extract/test_memory.py::test_a_file_ten_times_as_large_needs_no_more_memory[.csv]",
    "tests/faults/test_clocks.py::test_doubt_is_as_young",
    "tests/faults/test_clocks.py::test_doubt_of_a_long_load",
    "tests/faults/test_middlebox.py::test_a_load_without_acceptances_is_given_up[rule1",
    "tests/faults/test_middlebox.py::test_a_load_without_acceptances_is_given_up[rule2",
    "tests/faults/test_sigkill.py::test_a_load_survives_random_kills[1]",
    "tests/faults/test_sigkill.py::test_a_load_survives_random_kills[3]",
    "tests/faults/test_token_life.py::test_an_append_in_doubt_waits_for_a_decision[skip",
    "tests/faults/test_token_life.py::test_what_may_be_repeated_goes_again[typed",
    "tests/faults/test_verify.py::test_a_killed_verify_ends_with_true_verdicts[get-3]",
    "tests/faults/test_verify.py::test_a_killed_verify_ends_with_true_verdicts[list-2]",
    "tests/faults/test_windows_over_files.py::test_a_folder_of_small_files_survives_kills[0]",
    "tests/load/test_flaky_service.py",
    "tests/load/test_every_printed_command.py::test_what_is_printed_runs[lost_loads]",
    "tests/load/test_every_printed_command.py::test_what_is_printed_runs[old_doubts]",
    "tests/load/test_every_printed_command.py::test_what_is_printed_runs[shards]",
    "tests/load/test_every_printed_command.py::test_what_is_printed_runs[wrong_rows]",
    "tests/load/test_excel.py::test_a_plan_of_a_workbook_is_the_same_each_time[100]",
    "tests/process/test_signals.py::test_standard_input_that_stalls[numbers1",
    "tests/process/test_signals.py::test_standard_input_that_stalls[numbers2",
    "tests/process/test_streams.py::test_streams_do_not_decide[2>&-]",
    "tests/process/test_streams.py::test_streams_do_not_decide[<&-]",
    "tests/process/test_streams.py::test_streams_do_not_decide[>&-]",
    "tests/remote/test_commands.py::test_each_command_works_on_any_machine",
    "tests/remote/test_lost_machines.py",
    "tests/remote/test_shards.py",
    "tests/shards/test_other_number.py::test_what_earlier_shards_delivered_is_not_sent_again[row]",
    "tests/shards/test_same_plan.py::test_shards_plan_the_events_of_one_process[3]",
    "tests/shards/test_workers_beside_one_process.py::test_nights_keep",
    "tests/verify/test_command.py::test_a_rehearsal_can_be_verified_afterwards[workers]",
    "tests/verify/test_verdicts.py::test_calls_are_bounded_among_foreign_events[newest",
)
