//! How the parts learn that they have to stop.

use tokio::sync::watch;

/// The side that says stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// The side that listens. A clone listens to the same stopper.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// A stopper and who listens to it.
pub fn channel() -> (Stopper, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Shutdown(receiver))
}

impl Stopper {
    /// Says stop, once and for all.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Ends when it is time to stop, also when the stopper is gone.
    pub async fn wait(mut self) {
        // An error means that the stopper was dropped, which is a stop as well.
        drop(self.0.wait_for(|stop| *stop).await);
    }
}
