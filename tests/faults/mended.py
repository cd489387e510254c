"""The promises that did not hold, and their fixes, for docs/reliability.md."""

MENDED = """\
## Promises that did not hold

Attacks with faults that the trials did not contain found these. Each is fixed, and has a trial now.

* **A captive portal, a redirect or a codeless refusal for 45 s: events were given up after ten answers,
  and the next run sent them out of order.** Only an answer of the service (its error format or its
  request id) can fail an event. Any other answer is an outage: lanes are held, the connection is probed,
  and one cause is shown.
* **A permanent page or refusal: ten calls for each event of the extract.** The load stops after a few
  different events with the same answer, with 4 or 5, and can be resumed.
* **After a kill, every event that was handed over counted as in doubt: 87,116 events, of which 950 were
  sent.** Marks are written at most 512 events ahead of sending. The age of doubt counts from the first
  attempt.
* **`--in-doubt skip` dropped events that were never sent, and recent doubt required a decision.** Only
  events that may have been sent are in doubt. Below 7 h 45 min they are sent again without a decision.
* **A clock that jumped 9 hours failed events during retries, or left them in doubt.** Time within a run
  is monotonic and includes suspension; between runs the service's date counts.
* **A killed rehearsal duplicated or lost rows.** The emulator stores an event and its token before it
  answers, in files that survive a kill.
* **Signals waited for a read of S3 or standard input that never ended; three Ctrl-C aborted Python.**
  Blocking reads run in threads that do not delay the end. The first signal ends every stage within
  `--drain-seconds`, the second one at once; SIGHUP is handled.
* **A signal between the summary and the end of the process: the exit code was 130, but the summary had 0
  or 2.** A signal that arrives while the summary is written waits; the exit code is that of the summary.
* **With stdout or stderr gone, full or closed, the exit code was 1, 70 or 134, and the summary was
  missing.** Summary and exit code come first; output is best effort; closed streams are replaced at the
  start.
* **A user without a passwd entry or HOME, `--debug`, an unusable `load.log`, a low limit of open files,
  unusual file names: exit code 70.** Each is supported, or refused with 2 and one error; a refused load
  writes a summary too.
* **Low limits of memory or threads: 70, an abort (134), or an endless wait.** Limits that are too low are
  refused before polars is imported. A later refusal of the system ends the load with 5, resumable.
* **Job files and fault plans with odd types, numbers beyond 64 bits, deep nesting, and settings that are
  not UTF-8: 70.** They are refused with 2 and one error.
* **On a full disk, the summary counted events as not processed that may have been accepted.** An event
  that is marked but has no answer on the disk is in doubt in the summary, as after a kill.
* **A checkpoint with inconsistent parts passed the check and could never be finished.** At opening,
  counts are derived from receipts; what cannot be reconciled is in doubt, and this is reported.
* **`--restart` killed between two renames; a run directory deleted during a load ended with 0.** The next
  run finishes the renames; the load stops with 5.
* **A file changed in place, with its size and time restored, counted as unchanged.** Inode and change
  time are compared too; if they differ, the content is compared.
* **`load.lock` and `lake.sqlite` followed symbolic links; a FIFO blocked the load.** All files of a run
  are opened with O_NOFOLLOW, in a folder of this user or of root.
* **Terminal escapes in file names, formulas in files for spreadsheets.** Control characters are shown as
  escapes; formulas get a leading apostrophe.
* **The emulator's control endpoints accepted cross-origin posts; its process received AWS secrets.** A
  POST needs `Content-Type: application/json`; foreign Host and Origin headers are refused; the secrets
  are not passed on.
"""
