package tree

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// The extended attributes that hold ACLs: Linux's own, and those in which
// rsync --fake-super keeps them.
const (
	attrACL            = "system.posix_acl_access"
	attrDefaultACL     = "system.posix_acl_default"
	attrFakeACL        = rsyncPrefix + "%aacl"
	attrFakeDefaultACL = rsyncPrefix + "%dacl"
)

// aclEntry is one line of a POSIX ACL. Its tag is that of Linux
// (include/uapi/linux/posix_acl.h).
type aclEntry struct {
	tag  uint16
	perm uint16
	id   uint32
}

// The tags of aclEntry.
const (
	aclUserObj  = 0x01
	aclUser     = 0x02
	aclGroupObj = 0x04
	aclGroup    = 0x08
	aclMask     = 0x10
	aclOther    = 0x20
)

// aclOf gives the text form of an ACL attribute and whether it is a default
// ACL; ok is false if it is no ACL or cannot be understood.
func aclOf(attr string, value []byte, mode uint32) (isDefault bool, text string, ok bool) {
	var acl []aclEntry
	switch attr {
	case attrACL, attrDefaultACL:
		acl, ok = linuxACL(value)
	case attrFakeACL, attrFakeDefaultACL:
		acl, ok = rsyncACL(value, mode, attr == attrFakeACL)
	}
	return attr == attrDefaultACL || attr == attrFakeDefaultACL, aclText(acl), ok
}

// linuxACL reads version 2 of the kernel's form.
func linuxACL(b []byte) ([]aclEntry, bool) {
	if len(b) < 4 || binary.LittleEndian.Uint32(b) != 2 || (len(b)-4)%8 != 0 {
		return nil, false
	}
	var acl []aclEntry
	for b = b[4:]; len(b) > 0; b = b[8:] {
		e := aclEntry{binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])}
		if e.perm > 7 || aclWord(e.tag) == "" {
			return nil, false
		}
		acl = append(acl, e)
	}
	return acl, true
}

// rsyncACL reads the form of rsync's acls.c: the permissions of owner, group,
// mask and others (0x80: none, for an access ACL those of the mode), then ids,
// with the highest bit set on the permissions of a user. The mask of an access
// ACL is always the group's part of the mode: see acl(5).
func rsyncACL(b []byte, mode uint32, access bool) ([]aclEntry, bool) {
	const none, isUser = 0x80, 1 << 31
	if len(b) < 16 || len(b)%8 != 0 {
		return nil, false
	}
	var obj [4]uint32
	for i := range obj {
		obj[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	named := b[16:]
	if access {
		for i, shift := range []uint32{6, 3, 3, 0} {
			switch {
			case i == 2 && (obj[2] != none || len(named) > 0):
				// The mask, which is there where somebody is named. The one that
				// is stored may be another file's: rsync sends ACLs that differ
				// in nothing else as one.
				obj[2] = mode >> shift & 7
			case i != 2 && obj[i] == none:
				obj[i] = mode >> shift & 7
			}
		}
	}
	var acl, users, groups []aclEntry
	for ; len(named) > 0; named = named[8:] {
		id, perm := binary.LittleEndian.Uint32(named), binary.LittleEndian.Uint32(named[4:])
		e := aclEntry{aclGroup, uint16(perm & 7), id}
		if perm&^uint32(isUser|7) != 0 {
			return nil, false
		}
		if perm&isUser != 0 {
			e.tag = aclUser
			users = append(users, e)
		} else {
			groups = append(groups, e)
		}
	}
	add := func(tag uint16, perm uint32) bool {
		if perm != none {
			acl = append(acl, aclEntry{tag: tag, perm: uint16(perm)})
		}
		return perm <= 7 || perm == none
	}
	ok := add(aclUserObj, obj[0])
	acl = append(acl, users...)
	ok = add(aclGroupObj, obj[1]) && ok
	acl = append(acl, groups...)
	ok = add(aclMask, obj[2]) && ok
	ok = add(aclOther, obj[3]) && ok
	return acl, ok
}

func aclText(acl []aclEntry) string {
	parts := make([]string, 0, len(acl))
	for _, e := range acl {
		id := ""
		if e.tag == aclUser || e.tag == aclGroup {
			id = fmt.Sprint(e.id)
		}
		perm := []byte("rwx")
		for i := range perm {
			if e.perm&(4>>i) == 0 {
				perm[i] = '-'
			}
		}
		parts = append(parts, aclWord(e.tag)+":"+id+":"+string(perm))
	}
	return strings.Join(parts, ",")
}

func aclWord(tag uint16) string {
	switch tag {
	case aclUserObj, aclUser:
		return "user"
	case aclGroupObj, aclGroup:
		return "group"
	case aclMask:
		return "mask"
	case aclOther:
		return "other"
	}
	return ""
}
