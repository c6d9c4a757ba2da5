// Package policy decides when a host is backed up, which snapshots are kept and
// what is alarming: pure functions, without input or output and without a clock
// of their own. The one thing looked up is the time zone database, so programs
// that use this package embed it (time/tzdata) to agree with each other.
//
// Settings say what one level wants; [Resolve] turns the settings of system,
// group and host into the [Effective] policy, each value with the level it
// comes from. [Effective.Timetable] says when backups start, [NameSnapshot]
// what a snapshot is called, [Plan] which snapshots stay and why,
// [Effective.Guard] whether a backup looks wrong, and [HealthOf] how a host is
// doing.
package policy
