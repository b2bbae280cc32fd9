// The number of what processes of Corral say to each other: a gateway to its guard (warden/guard.h) and its
// keeper (message.h), which it starts with it, and a visitor at the door of a reaper (door.h). Versions meet,
// as packages are installed beside each other, and replaced while a gateway runs; who gets a number that it
// does not know says so, and does nothing. src/native/protocol.ts has the same. It grows with each change
// after which the two sides would not understand each other.
#ifndef CORRAL_PROTOCOL_H
#define CORRAL_PROTOCOL_H

#ifndef CORRAL_PROTOCOL   // a test makes a later version so
#define CORRAL_PROTOCOL 2 // 1: that of 0.1.0, which gives no number (0) and is understood
#endif

#endif
