// The number of what a gateway says to its guard (warden/guard.h) and its keeper (message.h): it starts them
// with it, and gets another one's where a package is replaced while it runs. src/protocol.ts has the same. It
// grows with each change after which the two sides would not understand each other.
#ifndef CORRAL_PROTOCOL_H
#define CORRAL_PROTOCOL_H

#define CORRAL_PROTOCOL 2 // 1: that of 0.1.0, which gives no number and is understood

#endif
