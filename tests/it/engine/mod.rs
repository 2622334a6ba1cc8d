//! The job table and the loops over it: nothing is done twice, nothing is written by a worker that lost its lease, nothing is lost.

mod claim;
