// Long chunks ask now and then whether to go on.
#pragma once

namespace hedgecore {

// Every few milliseconds or more often in a chunk that may be long: polls where this is the thread of the call and it is time. Throws what
// the poll throws, and where the call has failed on another thread what ends the chunk. It costs a look at the clock at most.
void check_stop();

}  // namespace hedgecore
