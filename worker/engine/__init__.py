"""The engine: what happens to a video, in a process of its own without environment, credentials or network.

source    opens an untrusted file            layers    images to what lies ready on the picture
probe     what is in it                      blend     puts them on a frame
read      its frames and packets             encode    the pipeline from the one file to the other
encoders  how the picture is coded           remux     what is copied: sound, subtitles, chapters, tags
profiles  how hard the encoder works         verify    is the result the source plus a watermark?
"""
