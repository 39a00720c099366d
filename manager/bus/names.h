/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bus as clients see it. The same objects on the private socket RUNTIME/private (peer to peer, no names) and,
 * where there is one, on the system bus as org.bulwark1; who may do what there stands in bus-gate.c. Signatures are
 * systemd1's where it has the method. Errors are org.bulwark1.Error.* (manager/base/error-codes.inc); the message is
 * every Diag entry, one a line.
 *
 * /org/bulwark1   org.bulwark1.Manager
 *   GetContainer(s name) -> o                loads the unit where needed
 *   ListContainerProperties(as) -> a(sa{sv}) of all containers these properties, as far as the caller may read them
 *   ListContainers() -> a(ssssssouso)        name, description, load, active, sub, "", path, job id, job type, job path ("/" = none)
 *   ListUnitFiles() -> a(ss)                 path, state
 *   GetUnitPaths(s name) -> as               fragment, then drop-ins in order
 *   StartContainer(ss) -> o, StopContainer(ss) -> o, RestartContainer(ss) -> o      name, mode; the job's path
 *                                            mode: replace, fail, ignore-dependencies
 *   ListJobs() -> a(usssoo)                  id, container, type, state (running, waiting), job path, container path
 *   GetJob(u) -> o, CancelJob(u)             by id
 *   ListDependencies(sb) -> a(ssss)          name, reverse; kind (Requires, RequiredBy), container, active state, its line
 *   WaitContainer(s) -> ssii                 answers once it is neither active nor changing: active state, result, exit code (CLD_*), exit status
 *   KillContainer(ssi)                       name, whom ("leader", "all"), signal
 *   StartTransientContainer(s, s, a(sv), a(sa(sv))) -> o      name, mode, directives, nothing
 *   RunContainer(s, s, a(sv), b, u, u) -> uah                 name, mode, directives, terminal, rows, columns; job; [socket that a
 *                                            terminal's master comes on] or [stdin, stdout, stderr]
 *   SetContainerProperties(s, b, a(sv))      name, runtime, directives
 *   FreezeContainer(s), ThawContainer(s), ResetFailedContainer(s), ResetFailed(), Reload()
 *   GetContainerProcesses(s) -> a(sus)       cgroup below the container's, host pid, command line
 *   ProbeContainer(s) -> a(ssssssuss)        topic, of whom (probe, leader, payload), claim, expected, observed, file, line,
 *                                            directive, result (ok, differs, not asked)
 *   ExecContainer(s, as, a{sv}) -> uah       name, argv, options {User s, WorkingDirectory s, Environment as, Terminal b,
 *                                            Shell b, Rows u, Columns u, HealthCheck b, Detach b}; session id; [master],
 *                                            [stdin, stdout, stderr] or, detached, nothing
 *   KillExec(ui)                             session, signal
 *   signals JobNew(uos), JobRemoved(uoss) id, path, container, result; ContainerNew(so), ContainerRemoved(so);
 *           ExecEnded(uii) session, CLD_* code, status; Reloading(b)
 *           Event(tssa{sv}) realtime, container or "", kind (manager/container/event-kinds.inc), properties of the container
 *   properties Version s, UnitPath as, RuntimeDirectory s, StateDirectory s, ControlGroup s, Features as
 *
 * /org/bulwark1/container/<name escaped as sd_bus_path_encode()>   org.bulwark1.Container
 *   Start(s) -> o, Stop(s) -> o, Restart(s) -> o, Kill(si), Freeze(), Thaw(), ResetFailed(),
 *               SetProperties(b, a(sv)), Exec(as, a{sv}) -> ouhah      job, session, pidfd, descriptors
 *   properties  Id s, LoadState s, LoadError (ss), ActiveState s, SubState s, FreezerState s, Result s, LastError s,
 *               FragmentPath s, DropInPaths as, Transient b, RestartNeeded as, Job (uo), InvocationID ay, MainPID u, ExecMainCode i, ExecMainStatus i,
 *               NRestarts u, NFileDescriptorStore u,
 *               ExecMainStartTimestamp t, ExecMainExitTimestamp t, ActiveEnterTimestamp t, ActiveExitTimestamp t,
 *               StateChangeTimestamp t, ControlGroup s, one t for each row of manager/host/cgroup/usage.inc,
 *               UIDRangeBase u, UIDRangeCount u, MACBackends as, MACLabel s, MACVerified b, MACLabelLost b, LandlockABI u, StatusText s,
 *               StatusErrno i, StatusExit i, WatchdogUSec t, HealthStatus s, HealthFailingStreak u, HealthOutput s, HealthTimestamp t,
 *               MACUnsaid as, PolicyDigest s, Progress s, LogDirectory s, LogsToJournal b
 *               and one for each row of the directive table, by its name, with its type's D-Bus signature
 *
 * /org/bulwark1/job/<id>   org.bulwark1.Job: Cancel(); properties Id u, Unit (so), JobType s, State s */

#define BUS_NAME "org.bulwark1"
#define BUS_PATH "/org/bulwark1"
#define BUS_INTERFACE_MANAGER "org.bulwark1.Manager"
#define BUS_INTERFACE_CONTAINER "org.bulwark1.Container"
#define BUS_INTERFACE_JOB "org.bulwark1.Job"
#define BUS_CONTAINER_PREFIX "/org/bulwark1/container"
#define BUS_JOB_PREFIX "/org/bulwark1/job"
#define PRIVATE_SOCKET "private" /* below the runtime directory */
#define KEEPER_SOCKET "keeper"
#define RUNTIME_DIRECTORY_DEFAULT "/run/bulwark"
#define STATE_DIRECTORY_DEFAULT "/var/lib/bulwark"
