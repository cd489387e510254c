"""The promises that did not hold, for docs/reliability.md: what was found, and how it was mended."""

MENDED = """\
## What was promised and did not hold

Attacks with faults that the trials did not have found these. Each is mended, and a trial now.

* **A captive portal, a redirect or a codeless refusal for 45 s: events were given up after ten answers and
  sent out of order by the next run.** Only an answer of the service (its error shape or its request id) can
  fail an event. Any other is an outage: lanes are held, the way is probed, and one cause is shown.
* **A page or refusal for good: ten calls for each event of the extract.** The load stops after a few
  different events that met the same, with 4 or 5, and is resumable.
* **After a kill everything that was handed over counted as in doubt: 87,116 events where 950 were sent.**
  Marks are written at most 384 events ahead of sending. The age of doubt counts from the first attempt.
* **`--in-doubt skip` dropped events that were never sent, and young doubt was a question.** Only events
  that may have been sent are in doubt, and below 7 h 45 min they are sent again unasked.
* **A clock that jumped 9 hours failed or doubted events that were being tried again.** Time within a run is
  monotonic and counts a suspended machine; between runs the service's date counts.
* **A rehearsal that was killed had rows twice, or lost some.** The emulator stores an event and its token
  before it answers, in files that survive its kill.
* **Signals waited for a read of S3 or of standard input that never ended; three Ctrl-C aborted Python.**
  Blocking reads are in threads that nobody waits for. The first signal ends every stage within
  `--drain-seconds`, the second one at once; SIGHUP is heeded.
* **A signal between the summary and the end of the process: the exit code was 130, the summary said 0 or
  2.** A signal that comes while the summary is written waits until it is; the exit code is the summary's.
* **With stdout or stderr gone, full or closed the exit code was 1, 70 or 134, and the summary was
  missing.** Summary and exit code come first; output is best effort; closed streams are replaced at the
  start.
* **A user without a passwd entry or HOME, `--debug`, unusable `load.log`, a low limit of files, odd file
  names: ended with 70.** Each is used, or refused with 2 and one block; a refused load writes a summary
  too.
* **Low limits of memory or threads: 70, an abort (134), or a wait without end.** Limits that are too low
  are refused before polars is imported; what the system refuses later ends the load with 5, resumable.
* **Job files and fault plans with odd types, numbers beyond 64 bits, deep nesting, and settings that are
  not UTF-8: 70.** They are refused with 2 and one block.
* **On a full disk the summary counted events as not processed that may have been accepted.** What was
  marked as sendable and has no answer on the disk is in doubt in the summary, as after a kill.
* **A checkpoint whose parts disagree passed the check and could never be finished.** At opening counts are
  made from receipts; what cannot be reconciled is in doubt, and this is said.
* **`--restart` killed between two renames; a run directory deleted in mid-load ended with 0.** The next run
  finishes the renames; the load stops with 5.
* **A file changed in place, its size and time restored, was taken for the same.** Inode and change time are
  compared too, and if they differ the content.
* **`load.lock` and `lake.sqlite` followed symbolic links; a FIFO hung the load.** All files of a run are
  opened with O_NOFOLLOW, in a folder of this user or of root.
* **Terminal escapes in file names, formulas in files made for spreadsheets.** Control characters are shown
  as escapes; an apostrophe stands before a formula.
* **The emulator's control endpoints took cross-origin posts; its process got AWS secrets.** A POST needs
  `Content-Type: application/json`; foreign Host and Origin are refused; the secrets are not handed on.
"""
