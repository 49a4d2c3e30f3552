"""The engine: what happens to a video, in a process of its own that opens nothing: no file, no socket.

source    opens an untrusted file            images    watermark images out of untrusted files
probe     what is in it                      text      letters as an image
hdr       what an HDR video says of itself   layers    both, as they lie ready on the picture
read      its frames and packets             timeline  which of them is seen when, how opaque
planes    frames made ready to be drawn on   blend     puts them on a frame of 8 bits
encoders  what the picture is coded as       blend10   and on one of 10 bits
profiles  how hard the encoder works         colour    a mark's colours in the samples of the video
render    all frames, or what is touched     transfer  and in other primaries and HDR
encode    the way of all frames              smart     the way of the touched ones
pipeline  what these two share               ahead     two steps of the pipeline at once
remux     what is copied: sound, subtitles   digest    what was written, in a few bytes
sound     and what MP4 cannot hold, as AAC   verify    is the result the source plus a watermark?
tags      titles, languages, chapters        preload   what libraries would load late
headers   what the muxer cannot say          claims    what a file says and FFmpeg would misread
result    the one file that is written       footprint how much memory that will take
hevc      how many frames its decoder holds  unseen    what of a watermark nobody will see
svtav1    an encoder kept from taking all CPUs
"""
