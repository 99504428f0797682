//! Bidders and requesters that would steer the draw.
